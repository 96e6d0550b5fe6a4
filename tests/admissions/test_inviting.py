"""Staff approve an address beforehand, and whoever proves to hold it is let in without a review."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.access.deciding import decide
from portal.access.decision import Action
from portal.admissions import actions
from portal.admissions.invitations import inviting
from portal.admissions.models import Application, ApplicationStatus, PreApproval, PreApprovalStatus
from portal.admissions.programmes import actions as programme_actions
from portal.admissions.teams.secret_links import hash_of
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import form
from tests.conftest import signed_in

MONTH = timedelta(days=30)
LINK = "/invited/known/"


def invited(programme, by, email="ann@example.org", *, lasts=MONTH) -> PreApproval:
    """An invitation whose link is LINK."""
    made = inviting.pre_approve(
        programme, email=email, note="A partner.", expires_at=timezone.now() + lasts, by=by
    )
    PreApproval.objects.filter(token_hash=hash_of("known")).update(token_hash=f"before-{made.pk}")
    made.token_hash = hash_of("known")
    made.save()
    return made


def refused(call, *arguments, **named) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call(*arguments, **named)
    return caught.value


def entries(verb):
    return list(Entry.objects.filter(verb=verb).order_by("number"))


def test_the_invited_get_a_letter_with_a_link_that_is_stored_nowhere(programme, rosa, post_office):
    with post_office() as mails:
        inviting.pre_approve(
            programme, email="Ann@Example.org", note="", expires_at=timezone.now() + MONTH, by=rosa
        )

    [mail] = mails
    token = mail.body.partition("/invited/")[2].partition("/")[0]
    assert (mail.to, mail.subject) == (["ann@example.org"], "You are invited to Early access")
    assert token
    assert token not in str(PreApproval.objects.values().get())
    assert f"/invited/{token}/" in mail.alternatives[0][0]


def test_ann_opens_the_link_confirms_and_is_approved_in_the_name_of_who_invited_her(
    programme, ann, rosa, release
):
    made = invited(programme, rosa)
    client = signed_in(ann)

    offered = client.get(LINK).content.decode()
    waiting = Application.objects.count()
    dashboard = client.post(LINK, follow=True)

    application, [used] = Application.objects.get(), entries("pre_approval.used")
    [approved] = entries("application.approved")
    assert ("Accept the invitation" in offered, waiting) == (True, 0)
    assert dashboard.redirect_chain == [("/dashboard/", 302)]
    assert (application.status, application.decided_by) == (ApplicationStatus.APPROVED, rosa)
    assert (used.actor_label, used.subject_id) == ("ann@example.org", str(made.pk))
    assert used.data == {
        "programme": "early-access",
        "application": application.reference,
        "invitation": made.pk,
        "made_by": "rosa@example.org",
    }
    assert approved.actor_label == "rosa@example.org"
    assert decide(ann, release, Action.DOWNLOAD).next_gate.code == "licence_accepted"


def test_ann_who_applies_without_the_link_is_approved_at_once(programme, ann, rosa):
    made = invited(programme, rosa)
    client = signed_in(ann)

    page = client.post("/apply/early-access/", form(client, programme), follow=True)

    application = Application.objects.get()
    made.refresh_from_db()
    assert "Your application is approved." in page.content.decode()
    assert (application.status, application.answers["country"]) == (ApplicationStatus.APPROVED, "DE")
    assert (made.status, made.application) == (PreApprovalStatus.USED, application)


def test_an_unverified_or_other_address_is_not_let_in(programme, mallory, rosa):
    made = invited(programme, rosa)
    late = cast.person("ann@example.org", verified=False)

    refusals = [refused(inviting.use, made, by=person) for person in (mallory, late)]

    assert [one.code for one in refusals] == ["other_address", "email_verified"]
    assert "This invitation is for ann@example.org" in signed_in(mallory).get(LINK).content.decode()
    assert signed_in(mallory).post(LINK).status_code == 403
    assert not Application.objects.exists()


def test_a_stranger_sees_the_programme_and_comes_back_after_signing_in(programme, rosa):
    invited(programme, rosa)

    page, tried = Client().get(LINK), Client().post(LINK)

    assert "/accounts/signup/?next=/invited/known/" in page.content.decode()
    assert tried.url == "/accounts/login/?next=/invited/known/"


def test_an_invitation_expires_as_time_passes(programme, ann, rosa):
    made = invited(programme, rosa, lasts=timedelta(hours=1))

    later = refused(inviting.use, made, by=ann, at=timezone.now() + timedelta(hours=1))

    assert (later.code, later.status) == ("invitation_over", 410)
    assert inviting.use(made, by=ann).status == ApplicationStatus.APPROVED


def test_what_has_expired_no_longer_approves_who_applies(programme, ann, rosa):
    invited(programme, rosa, lasts=timedelta(0))
    client = signed_in(ann)

    client.post("/apply/early-access/", form(client, programme))

    assert Application.objects.get().status == ApplicationStatus.SUBMITTED
    assert client.get(LINK).status_code == 410


def test_a_revoked_invitation_lets_nobody_in_and_is_revoked_once(programme, ann, rosa):
    made = invited(programme, rosa)
    inviting.revoke_pre_approval(made, by=rosa)

    assert refused(inviting.use, made, by=ann).code == "invitation_over"
    assert [one.data["email"] for one in entries("pre_approval.revoked")] == ["ann@example.org"]
    with pytest.raises(IllegalMove):
        inviting.revoke_pre_approval(made, by=rosa)


def test_an_invitation_is_used_once(programme, ann, rosa):
    made = invited(programme, rosa)
    inviting.use(made, by=ann)

    assert refused(inviting.use, made, by=ann).code == "invitation_used"
    with pytest.raises(IllegalMove):
        inviting.revoke_pre_approval(made, by=rosa)


def test_staff_cannot_invite_themselves_by_any_of_their_addresses(programme, rosa):
    cast.EmailAddress.objects.create(user=rosa, email="Rosa@Home.example", verified=False)

    codes = [
        refused(invited, programme, rosa, address).code
        for address in ("ROSA@example.org", "rosa@home.example")
    ]

    assert codes == ["own_address", "own_address"]


def test_staff_who_take_the_invited_address_on_later_are_not_let_in(programme, rosa):
    made = invited(programme, rosa, "new@example.org")
    cast.EmailAddress.objects.create(user=rosa, email="new@example.org", verified=True)

    assert refused(inviting.use, made, by=rosa).code == "own_application"


def test_an_invitation_ends_with_the_rights_of_who_made_it(programme, ann, rosa):
    made = invited(programme, rosa)
    rosa.groups.clear()
    client = signed_in(ann)

    refusal = refused(inviting.use, made, by=ann)
    client.post("/apply/early-access/", form(client, programme))

    made.refresh_from_db()
    assert refusal.code == "maker_gone"
    assert Application.objects.get().status == ApplicationStatus.SUBMITTED
    assert made.status == PreApprovalStatus.SENT


def test_a_decision_after_the_invitation_counts_and_one_before_it_does_not(programme, ann, rosa, submitted):
    made = invited(programme, rosa)
    actions.decline(submitted, by=rosa, message="No.")

    refusal = refused(inviting.use, made, by=ann)
    inviting.revoke_pre_approval(made, by=rosa)
    later = invited(programme, rosa)

    assert refusal.code == "decided_since"
    assert inviting.use(later, by=ann).status == ApplicationStatus.APPROVED


def test_who_is_approved_or_invited_is_not_invited_again(programme, ann, rosa):
    invited(programme, rosa)
    twice = refused(invited, programme, rosa)
    inviting.use(PreApproval.objects.get(), by=ann)

    assert (twice.code, refused(invited, programme, rosa).code) == ("invited_already", "approved_already")


def test_an_expired_invitation_makes_room_for_a_new_one(programme, rosa, ann):
    invited(programme, rosa, lasts=timedelta(0))

    second = invited(programme, rosa)

    assert inviting.use(second, by=ann).status == ApplicationStatus.APPROVED


def test_an_invitation_holds_while_the_programme_is_closed(programme, ann, rosa):
    made = invited(programme, rosa)
    programme_actions.close_programme(programme, by=None)

    assert inviting.use(made, by=ann).status == ApplicationStatus.APPROVED
