"""The pages of a team: asking for one, running it, joining it, leaving it, and who may not."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.admissions import actions
from portal.admissions.models import Application, InvitationStatus, Team, TeamInvitation
from portal.admissions.teams import actions as teams
from portal.admissions.teams.secret_links import hash_of
from tests import cast
from tests.admissions.conftest import form
from tests.conftest import signed_in

APPLY = "/apply/early-access/"


def text_of(page) -> str:
    return " ".join(page.content.decode().split())


def asked_for(client, programme, **fields):
    data = form(client, programme) | {f"answer-{name}": value for name, value in fields.items()}
    return client.post(APPLY, data)


def with_link(team, email, **changes) -> tuple[TeamInvitation, str]:
    """An invitation, and the address in its mail."""
    made = teams.invite(team, email=email, by=team.lead)
    TeamInvitation.objects.filter(pk=made.pk).update(token_hash=hash_of("known"), **changes)
    return made, "/join/known/"


def test_the_form_asks_for_a_team_only_where_the_programme_takes_teams(programme, ann):
    before = signed_in(ann).get(APPLY).content.decode()
    programme.takes_teams = True
    programme.save()

    after = signed_in(ann).get(APPLY).content.decode()

    assert "answer-team.name" not in before
    assert "answer-team.name" in after
    assert "Beside yourself, 10 at most." in after


def test_ann_asks_for_a_team_with_her_application(of_teams, ann, as_rosa):
    answer = asked_for(signed_in(ann), of_teams, **{"team.name": " Example  Institute ", "team.seats": "3"})

    team = Team.objects.get()
    assert answer.status_code == 302
    assert (team.name, team.seats_wanted, team.seats) == ("Example Institute", 3, 0)
    assert "team.name" not in team.application.answers
    assert "You asked for 3 seats." in text_of(signed_in(ann).get(APPLY))
    console = text_of(as_rosa.get(f"/console/applications/{team.application.reference}/"))
    assert "Asks for 3 seats; granted: 0, of 10 at most." in console


@pytest.mark.parametrize(
    ("name", "seats", "sentence"),
    [
        ("Example Institute", "", "Say how many seats your team needs."),
        ("", "3", "Name the organisation of your team."),
        ("Example Institute", "11", "Early access allows 10 seats at most."),
        ("Example Institute", "0", "Ask for one seat at least, or leave the team out."),
        ("Example Institute", "many", "Write a whole number."),
    ],
)
def test_half_a_wish_for_a_team_is_asked_about_and_kept(of_teams, ann, name, seats, sentence):
    page = asked_for(signed_in(ann), of_teams, **{"team.name": name, "team.seats": seats})

    draft = Application.objects.get()
    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert (draft.status, draft.answers["team.name"], draft.answers["team.seats"]) == ("draft", name, seats)
    assert not Team.objects.exists()


def test_who_wants_no_team_gets_none(of_teams, ann):
    asked_for(signed_in(ann), of_teams)

    assert Application.objects.get().status == "submitted"
    assert not Team.objects.exists()


def test_a_new_team_is_empty_and_says_so(team, ann):
    page = text_of(signed_in(ann).get(team.get_absolute_url()))

    assert "Nobody has joined yet" in page
    assert "<strong>0 of 2</strong> seats taken" in page
    assert "Go to your team" in text_of(signed_in(ann).get(APPLY))


def test_ann_invites_several_at_once_by_lines(team, ann):
    client = signed_in(ann)

    client.post(team.get_absolute_url(), {"emails": "One@example.org\n two@example.org, one@example.org\n"})
    page = text_of(client.get(team.get_absolute_url()))

    assert [one.email for one in TeamInvitation.objects.all()] == ["one@example.org", "two@example.org"]
    assert "<strong>2 of 2</strong> seats taken" in page
    assert "Every seat is taken." in page


@pytest.mark.parametrize(
    ("typed", "status", "sentence"),
    [
        ("", 422, "Name one address at least."),
        ("one@example.org nobody", 422, "Not an e-mail address: nobody. Correct it, then send it again."),
        ("a@example.org b@example.org c@example.org", 409, "2 seats are left, and this takes 3."),
    ],
)
def test_what_cannot_be_invited_is_told_and_stays_typed(team, ann, typed, status, sentence):
    page = signed_in(ann).post(team.get_absolute_url(), {"emails": typed})

    assert page.status_code == status
    assert sentence in page.content.decode()
    assert typed in page.content.decode()
    assert not TeamInvitation.objects.exists()


def test_ann_sends_again_revokes_and_removes_by_buttons(team, ann, cleo):
    client, base = signed_in(ann), team.get_absolute_url()
    sent = teams.invite(team, email="sent@example.org", by=ann, at=timezone.now() - timedelta(hours=1))
    member = teams.accept(teams.invite(team, email=cleo.email, by=ann), by=cleo)

    again = client.post(f"{base}{sent.pk}/send/")
    soon = client.post(f"{base}{sent.pk}/send/")
    client.post(f"{base}{sent.pk}/revoke/")
    question = client.get(f"{base}{member.pk}/remove/")
    still = TeamInvitation.objects.get(pk=member.pk).status
    client.post(f"{base}{member.pk}/remove/")

    assert (again.status_code, soon.status_code) == (302, 429)
    assert "Remove this member?" in question.content.decode()
    assert still == InvitationStatus.ACCEPTED
    assert sorted(TeamInvitation.objects.values_list("status", flat=True)) == ["removed", "revoked"]


def test_the_page_of_a_team_costs_the_same_with_more_people(team, ann, django_assert_num_queries):
    client = signed_in(ann)
    Team.objects.update(seats=9)
    cast.member(team, cast.person("m0@example.org"))

    with django_assert_num_queries(4):
        client.get(team.get_absolute_url())
    for number in range(1, 4):
        cast.member(team, cast.person(f"m{number}@example.org"))
        teams.invite(team, email=f"i{number}@example.org", by=ann)
    with django_assert_num_queries(4):
        client.get(team.get_absolute_url())


def test_a_lead_who_lost_the_approval_reads_so_and_invites_nobody(team, ann, rosa):
    cast.member(team, cast.person("m@example.org"))
    actions.revoke(team.application, by=rosa, message="Leaked.")

    page = signed_in(ann).get(team.get_absolute_url()).content.decode()
    tried = signed_in(ann).post(team.get_absolute_url(), {"emails": "one@example.org"})

    assert "Your approval has ended" in page
    assert "Send the invitations" not in page
    assert "m@example.org" in page
    assert tried.status_code == 409


def test_mallory_and_a_member_find_no_page_of_the_lead(team, cleo, mallory):
    member = cast.member(team, cleo)
    base = team.get_absolute_url()

    answers = [
        getattr(signed_in(person), method)(f"{base}{path}", {"emails": "x@example.org"})
        for person in (mallory, cleo)
        for method, path in [
            ("get", ""),
            ("post", ""),
            ("post", f"{member.pk}/send/"),
            ("post", f"{member.pk}/revoke/"),
            ("get", f"{member.pk}/remove/"),
            ("post", f"{member.pk}/remove/"),
        ]
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert not any("Example Institute" in answer.content.decode() for answer in answers)
    assert TeamInvitation.objects.get().status == InvitationStatus.ACCEPTED


def test_another_leads_invitation_is_404_in_ones_own_team(team, ann):
    other = cast.team(cast.application(cast.person("o@example.org"), team.application.programme, "approved"))
    invitation = teams.invite(other, email="x@example.org", by=other.lead)

    answer = signed_in(ann).post(f"{team.get_absolute_url()}{invitation.pk}/revoke/")

    assert answer.status_code == 404
    assert TeamInvitation.objects.get().status == InvitationStatus.INVITED


def test_an_application_that_is_not_approved_has_no_page_of_a_team(of_teams, submitted, ann):
    team = teams.ask_for(submitted, name="Example Institute", seats_wanted=2, by=ann)

    assert signed_in(ann).get(team.get_absolute_url()).status_code == 404


def test_a_stranger_sees_who_invites_and_comes_back_after_signing_in(team):
    _, link = with_link(team, "cleo@example.org")

    page, tried = Client().get(link), Client().post(link)

    assert "Ann Applicant (ann@example.org) invites you." in text_of(page)
    assert "/accounts/signup/?next=/join/known/" in page.content.decode()
    assert "/accounts/login/?next=/join/known/" in page.content.decode()
    assert (tried.status_code, tried.url) == (302, "/accounts/login/?next=/join/known/")


def test_cleo_joins_and_finds_the_licence_as_the_next_step(team, cleo):
    _, link = with_link(team, cleo.email)
    client = signed_in(cleo)

    offered = client.get(link)
    dashboard = client.post(link, follow=True)

    assert "Join the team" in offered.content.decode()
    assert dashboard.redirect_chain == [("/dashboard/", 302)]
    assert "You are a member of the team of Example Institute." in dashboard.content.decode()
    assert "Read the licence" in dashboard.content.decode()
    assert client.get(link).url == "/teams/"


def test_mallory_reads_that_the_invitation_is_for_another_address(team, mallory):
    _, link = with_link(team, "cleo@example.org")
    client = signed_in(mallory)

    page, tried = client.get(link), client.post(link)

    assert "This invitation is for cleo@example.org" in page.content.decode()
    assert "Join the team</button>" not in page.content.decode()
    assert tried.status_code == 403
    assert TeamInvitation.objects.get().status == InvitationStatus.INVITED


def test_an_expired_and_a_revoked_link_say_so(team, cleo):
    made, link = with_link(team, cleo.email, expires_at=timezone.now())
    client = signed_in(cleo)

    expired, tried = client.get(link), client.post(link)
    teams.revoke_invitation(made, by=team.lead)
    revoked = client.get(link)

    assert (expired.status_code, tried.status_code, revoked.status_code) == (410, 410, 410)
    assert "This invitation has expired. Ask Ann Applicant to send it again" in expired.content.decode()
    assert "This invitation is no longer open. Ask Ann Applicant" in revoked.content.decode()


@pytest.mark.parametrize("path", ["/join/", "/invited/"])
@pytest.mark.parametrize("token", ["unknown", "a" * 500])
def test_an_unknown_link_is_404(db, path, token):
    assert Client().get(f"{path}{token}/").status_code == 404
    assert Client().post(f"{path}{token}/").status_code == 404


def test_cleo_sees_her_teams_and_leaves_one(team, cleo, mallory):
    membership = cast.member(team, cleo)
    client, address = signed_in(cleo), f"/teams/{membership.pk}/leave/"

    listed, question = client.get("/teams/"), client.get(address)
    foreign = [getattr(signed_in(mallory), method)(address).status_code for method in ("get", "post")]
    after = client.post(address, follow=True)

    assert "Example Institute" in listed.content.decode()
    assert "Leave this team?" in question.content.decode()
    assert foreign == [404, 404]
    assert "You are in no team" in after.content.decode()
    assert TeamInvitation.objects.get().status == InvitationStatus.LEFT


def test_the_list_of_teams_costs_the_same_with_more(cleo, programme, django_assert_num_queries):
    client = signed_in(cleo)
    for number in range(3):
        lead = cast.person(f"lead{number}@example.org")
        cast.member(cast.team(cast.application(lead, programme, "approved")), cleo)
        if number in {0, 2}:
            with django_assert_num_queries(4):
                client.get("/teams/")


@pytest.mark.parametrize("path", ["/teams/", "/teams/1/leave/", "/apply/early-access/REQ-1/team/"])
def test_who_is_not_signed_in_is_asked_to(programme, path):
    assert Client().get(path).url == f"/accounts/login/?next={path}"
