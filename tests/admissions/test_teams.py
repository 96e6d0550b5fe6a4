"""A lead invites people into the seats that a reviewer granted, while the approval lasts."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.deciding import decide
from portal.access.decision import Action
from portal.access.watching import HARMLESS
from portal.admissions import actions
from portal.admissions.models import InvitationStatus, Team, TeamInvitation
from portal.admissions.teams import actions as teams
from portal.admissions.teams import oversight as team_oversight
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests import cast

LATER = timedelta(days=15)


def joined(team, user) -> TeamInvitation:
    return teams.accept(teams.invite(team, email=user.email, by=team.lead), by=user)


def refused(call, *arguments, **named) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call(*arguments, **named)
    return caught.value


def verbs_about(subject):
    return [entry.verb for entry in Entry.objects.about(subject).in_order()]


def test_approving_grants_the_seats_that_were_asked_for(team):
    assert (team.name, team.seats_wanted, team.seats) == ("Example Institute", 2, 2)
    assert verbs_about(team) == ["team.asked_for", "team.seats_set"]


@pytest.mark.parametrize(("seats", "granted"), [(None, 10), (3, 3), (0, 0)])
def test_a_reviewer_grants_what_they_choose_or_what_the_programme_allows(
    of_teams, rosa, submitted, seats, granted
):
    teams.ask_for(submitted, name="Example Institute", seats_wanted=40, by=submitted.applicant)

    actions.approve(submitted, by=rosa, seats=seats)

    assert Team.objects.get().seats == granted


def test_more_seats_than_the_programme_allows_are_not_granted_and_nothing_is_approved(
    of_teams, ann, rosa, submitted
):
    teams.ask_for(submitted, name="Example Institute", seats_wanted=2, by=ann)

    refusal = refused(actions.approve, submitted, by=rosa, seats=11)

    submitted.refresh_from_db()
    assert (refusal.code, submitted.status) == ("too_many_seats", "submitted")


def test_nobody_asks_a_programme_for_single_people_for_a_team(submitted, ann):
    assert refused(teams.ask_for, submitted, name="X", seats_wanted=2, by=ann).code == "no_teams"


def test_invited_colleague_joins_and_has_access_after_accepting_the_licence(team, cleo, release):
    invitation = joined(team, cleo)

    before = decide(cleo, release, Action.DOWNLOAD)
    cast.accept(cleo, release)
    after = decide(cleo, release, Action.DOWNLOAD)

    assert (before.next_gate.code, after.allowed) == ("licence_accepted", True)
    assert verbs_about(invitation) == ["team.member_invited", "team.member_joined"]


def test_the_letter_has_a_link_that_is_stored_nowhere(team, cleo, post_office):
    with post_office() as mails:
        teams.invite(team, email="Cleo@Example.org", by=team.lead)

    [mail] = mails
    token = mail.body.partition("/join/")[2].partition("/")[0]
    row = TeamInvitation.objects.values().get()
    assert (mail.to, mail.subject) == (
        ["cleo@example.org"],
        "Ann Applicant invites you to the team of Example Institute",
    )
    assert token
    assert token not in str(row)
    assert f"/join/{token}/" in mail.alternatives[0][0]


def test_a_name_with_line_breaks_makes_no_second_header(team, ann, post_office):
    ann.full_name = "Ann\r\nBcc: all@example.org"
    ann.save()

    with post_office() as mails:
        teams.invite(team, email="cleo@example.org", by=ann)

    assert mails[0].subject.startswith("Ann Bcc: all@example.org invites you")


def test_seats_are_kept_for_the_invited_until_they_expire(team, ann):
    teams.invite(team, email="one@example.org", by=ann)
    teams.invite(team, email="two@example.org", by=ann)

    refusal = refused(teams.invite, team, email="three@example.org", by=ann)
    later = teams.invite(team, email="three@example.org", by=ann, at=timezone.now() + LATER)

    assert refusal.code == "no_seat_left"
    assert refusal.sentence.startswith("No seat is left, and this takes 1.")
    assert later.status == InvitationStatus.INVITED


def test_several_are_invited_all_or_none(team, ann):
    refusal = refused(
        teams.invite_all, team, emails=["a@example.org", "b@example.org", "c@example.org"], by=ann
    )

    assert refusal.sentence.startswith("2 seats are left, and this takes 3.")
    assert not TeamInvitation.objects.exists()

    teams.invite_all(team, emails=["a@example.org", "b@example.org"], by=ann)

    assert [one.email for one in TeamInvitation.objects.all()] == ["a@example.org", "b@example.org"]


def test_an_invitation_expires(team, cleo):
    invitation = teams.invite(team, email=cleo.email, by=team.lead)

    refusal = refused(teams.accept, invitation, by=cleo, at=timezone.now() + LATER)

    assert (refusal.code, refusal.status) == ("invitation_expired", 410)


def test_an_expired_invitation_is_renewed_by_inviting_again(team, cleo, ann):
    first = teams.invite(team, email=cleo.email, by=ann)

    second = teams.invite(team, email=cleo.email, by=ann, at=timezone.now() + LATER)

    assert second.pk == first.pk
    assert second.token_hash != first.token_hash
    assert teams.accept(second, by=cleo, at=timezone.now() + LATER).status == InvitationStatus.ACCEPTED


def test_sending_again_ends_the_old_link_and_waits_between_two_mails(team, cleo, ann):
    first = teams.invite(team, email=cleo.email, by=ann)

    refusal = refused(teams.send_again, first, by=ann)
    second = teams.send_again(first, by=ann, at=timezone.now() + timedelta(minutes=11))

    assert (refusal.code, refusal.status) == ("sent_just_now", 429)
    assert (second.pk, second.status) == (first.pk, InvitationStatus.INVITED)
    assert second.token_hash != first.token_hash


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("ann@example.org", "own_address"),
        ("in@example.org", "member_already"),
        ("sent@example.org", "invited_already"),
    ],
)
def test_who_is_in_is_not_invited_again(team, ann, address, code):
    joined(team, cast.person("in@example.org"))
    teams.invite(team, email="sent@example.org", by=ann)
    Team.objects.update(seats=5)

    assert refused(teams.invite, team, email=address, by=ann).code == code


def test_a_revoked_invitation_frees_its_seat_and_opens_nothing(team, cleo, ann):
    invitation = teams.invite(team, email=cleo.email, by=ann)
    revoked = teams.revoke_invitation(invitation, by=ann)

    refusal = refused(teams.accept, invitation, by=cleo)
    teams.invite_all(team, emails=["a@example.org", "b@example.org"], by=ann)

    assert (refusal.code, refusal.status) == ("invitation_revoked", 410)
    assert verbs_about(revoked) == ["team.member_invited", "team.invitation_revoked"]


def test_revoking_and_inviting_again_and_again_fills_no_mailbox(team, cleo, ann):
    teams.revoke_invitation(teams.invite(team, email=cleo.email, by=ann), by=ann)

    refusal = refused(teams.invite, team, email=cleo.email, by=ann)
    later = teams.invite(team, email=cleo.email, by=ann, at=timezone.now() + timedelta(minutes=11))

    assert (refusal.code, refusal.status) == ("sent_just_now", 429)
    assert later.status == InvitationStatus.INVITED


def test_an_answered_invitation_is_not_revoked(team, cleo, ann):
    with pytest.raises(IllegalMove):
        teams.revoke_invitation(joined(team, cleo), by=ann)


def test_what_ends_a_membership_is_noticed_at_every_door_at_once():
    ends = {Verb.TEAM_MEMBER_REMOVED, Verb.TEAM_MEMBER_LEFT, Verb.APPLICATION_REVOKED}

    assert not ends & HARMLESS


def test_only_the_holder_of_the_address_joins(team, mallory):
    invitation = teams.invite(team, email="cleo@example.org", by=team.lead)

    refusal = refused(teams.accept, invitation, by=mallory)

    assert (refusal.code, refusal.status) == ("other_address", 403)
    assert "for cleo@example.org, and you are signed in as mallory@example.org" in refusal.sentence


def test_an_unverified_address_does_not_join(team):
    cleo = cast.person("cleo@example.org", verified=False)
    invitation = teams.invite(team, email=cleo.email, by=team.lead)

    assert refused(teams.accept, invitation, by=cleo).code == "email_verified"


def test_a_second_verified_address_of_an_account_joins(team, mallory):
    cast.EmailAddress.objects.create(user=mallory, email="Mal@Example.com", verified=True)
    invitation = teams.invite(team, email="mal@example.com", by=team.lead)

    assert teams.accept(invitation, by=mallory).accepted_by == mallory


def test_nobody_takes_two_seats_of_a_team_with_two_addresses(team, mallory):
    cast.EmailAddress.objects.create(user=mallory, email="mal@example.com", verified=True)
    joined(team, mallory)
    invitation = teams.invite(team, email="mal@example.com", by=team.lead)

    assert refused(teams.accept, invitation, by=mallory).code == "member_already"


def test_a_removed_member_is_out_at_once_and_told(team, cleo, ann, release, post_office):
    membership = joined(team, cleo)
    cast.accept(cleo, release)

    with post_office() as mails:
        teams.remove(membership, by=ann)

    assert not decide(cleo, release, Action.PLAYGROUND).allowed
    assert [(mail.to, mail.subject) for mail in mails] == [
        (["cleo@example.org"], "You are no longer in the team of Example Institute")
    ]
    assert verbs_about(membership)[-1] == "team.member_removed"


def test_a_member_whom_the_lead_removed_may_be_invited_again(team, cleo, ann):
    teams.remove(joined(team, cleo), by=ann)

    assert joined(team, cleo).status == InvitationStatus.ACCEPTED


def test_a_member_leaves_and_the_lead_is_told(team, cleo, release, post_office):
    membership = joined(team, cleo)
    cast.accept(cleo, release)

    with post_office() as mails:
        teams.leave(membership, by=cleo)

    assert not decide(cleo, release, Action.PLAYGROUND).allowed
    assert [mail.to for mail in mails] == [["ann@example.org"]]
    assert verbs_about(membership)[-1] == "team.member_left"


def test_nobody_but_the_lead_and_the_member_acts_on_a_team(team, cleo, mallory):
    membership = joined(team, cleo)
    invitation = teams.invite(team, email="other@example.org", by=team.lead)

    refusals = [
        refused(teams.invite, team, email="x@example.org", by=mallory),
        refused(teams.send_again, invitation, by=mallory),
        refused(teams.revoke_invitation, invitation, by=cleo),
        refused(teams.remove, membership, by=mallory),
        refused(teams.leave, membership, by=mallory),
    ]

    assert [(one.code, one.status) for one in refusals] == [("not_yours", 404)] * 5


def test_revoking_the_lead_ends_everybodys_access_at_once_and_tells_them(
    team, cleo, rosa, release, post_office
):
    submitted = team.application
    open_one = teams.invite(team, email="open@example.org", by=team.lead)
    joined(team, cleo)
    cast.accept(cleo, release)
    had_access = decide(cleo, release, Action.INFERENCE).allowed

    with post_office() as mails:
        actions.revoke(submitted, by=rosa, message="Leaked.")

    assert had_access
    assert not decide(cleo, release, Action.INFERENCE).allowed
    assert [(mail.to, mail.subject) for mail in mails] == [
        (["cleo@example.org"], "The access of the team of Example Institute has ended"),
        (["ann@example.org"], f"The approval of {submitted.reference} has been revoked"),
    ]
    assert "Leaked." not in mails[0].body
    person = cast.person("open@example.org")
    assert refused(teams.accept, open_one, by=person).code == "team_not_approved"
    assert refused(teams.invite, team, email="x@example.org", by=team.lead).code == "team_not_approved"


def test_a_person_whose_own_approval_is_revoked_is_let_in_by_no_team(team, cleo, rosa, release):
    own = cast.application(cleo, team.application.programme, "approved")
    membership = joined(team, cleo)
    cast.accept(cleo, release)

    actions.revoke(own, by=rosa, message="Leaked.")

    membership.refresh_from_db()
    assert (membership.status, membership.is_barred) == (InvitationStatus.REMOVED, True)
    assert not decide(cleo, release, Action.INFERENCE).allowed
    assert refused(teams.invite, team, email=cleo.email, by=team.lead).code == "member_barred"
    elsewhere = cast.application(cast.person("lead@example.org"), team.application.programme, "approved")
    invitation = teams.invite(cast.team(elsewhere), email=cleo.email, by=elsewhere.applicant)
    assert refused(teams.accept, invitation, by=cleo).code == "shut_out"


def test_a_member_whom_staff_removed_comes_back_only_by_an_approval(team, cleo, rosa, post_office):
    membership = joined(team, cleo)

    with post_office() as mails:
        team_oversight.expel(membership, by=rosa, message="You shared a key.")

    assert "You shared a key." in mails[0].body
    other = cast.application(cast.person("lead@example.org"), team.application.programme, "approved")
    invitation = teams.invite(cast.team(other), email=cleo.email, by=other.applicant)
    assert refused(teams.accept, invitation, by=cleo).code == "shut_out"
    cast.application(cleo, team.application.programme, "approved")
    assert teams.accept(invitation, by=cleo).status == InvitationStatus.ACCEPTED


def test_seats_are_not_lowered_below_the_members_and_the_refusal_says_whom_to_remove(team, rosa):
    for name in ("first", "second"):
        joined(team, cast.person(f"{name}@example.org"))

    refusal = refused(team_oversight.set_seats, team, seats=1, by=rosa)

    assert refusal.code == "seats_taken"
    assert refusal.sentence == (
        "The team has 2 members. Have 1 of them removed first; the last to join: second@example.org."
    )


def test_who_comes_last_finds_no_seat_after_they_were_lowered(team, rosa, ann):
    first, second = (teams.invite(team, email=f"{name}@example.org", by=ann) for name in ("one", "two"))
    team_oversight.set_seats(team, seats=1, by=rosa)

    teams.accept(first, by=cast.person("one@example.org"))

    assert refused(teams.accept, second, by=cast.person("two@example.org")).code == "no_seat_left"


def test_a_reviewer_grants_no_seats_to_their_own_team(programme, rosa):
    own = cast.team(cast.application(rosa, programme, "approved"))

    assert refused(team_oversight.set_seats, own, seats=9, by=rosa).code == "own_application"


def test_the_lead_is_told_of_seats_and_the_ledger_of_both_numbers(team, rosa, post_office):
    with post_office() as mails:
        team_oversight.set_seats(team, seats=4, by=rosa)
        team_oversight.set_seats(team, seats=4, by=rosa)

    entry = list(Entry.objects.about(team).in_order())[-1]
    assert [(mail.to, mail.subject) for mail in mails] == [(["ann@example.org"], "Your team has 4 seats")]
    assert (entry.data["from"], entry.data["to"]) == (2, 4)
