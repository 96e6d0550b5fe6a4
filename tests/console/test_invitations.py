"""Staff invite known addresses and make referral codes in the console."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.admissions.invitations import inviting, referring
from portal.admissions.models import PreApproval, ReferralCode
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import programme
from tests.conftest import signed_in

__all__ = ["programme"]
URL = "/console/invitations/"


def invited(programme, by, email="ann@example.org", *, lasts=timedelta(days=30)) -> PreApproval:
    expires_at = timezone.now() + lasts
    return inviting.pre_approve(programme, email=email, note="A partner.", expires_at=expires_at, by=by)


def made(programme, by, **changes) -> ReferralCode:
    facts = {"note": "Conference", "uses_max": 5, "is_pre_approving": False}
    return referring.make_code(
        programme, **facts | changes, expires_at=timezone.now() + timedelta(days=30), by=by
    )


def test_an_empty_page_says_what_invitations_and_codes_are_for(as_rosa):
    page = as_rosa.get(URL).content.decode()

    assert "Nobody is invited" in page
    assert "No referral code yet" in page


def test_rosa_invites_several_addresses_for_some_days(as_rosa, programme, rosa):
    sent = {
        "programme": programme.pk,
        "emails": "a@example.org\nB@example.org",
        "days": "7",
        "note": "Partners",
    }

    answer = as_rosa.post(f"{URL}new/", sent, follow=True)

    rows = list(PreApproval.objects.order_by("email"))
    week = timezone.now() + timedelta(days=7)
    assert answer.redirect_chain == [(URL, 302)]
    assert [(one.email, one.note, one.made_by) for one in rows] == [
        ("a@example.org", "Partners", rosa),
        ("b@example.org", "Partners", rosa),
    ]
    assert all(timedelta(0) <= week - one.expires_at < timedelta(minutes=1) for one in rows)
    assert Entry.objects.filter(verb="pre_approval.made").count() == 2
    assert "a@example.org" in answer.content.decode()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"emails": ""}, (422, "Name one address at least.")),
        ({"emails": "x@example.org nobody"}, (422, "Not an e-mail address: nobody.")),
        ({"programme": ""}, (422, "Choose a programme.")),
        ({"days": "0"}, (422, "One day at least.")),
        ({"days": "366"}, (422, "365 days at most.")),
        ({"emails": "x@example.org rosa@example.org"}, (403, "rosa@example.org is your own address.")),
        ({"emails": "x@example.org ann@example.org"}, (409, "ann@example.org is invited until")),
    ],
)
def test_what_cannot_be_invited_is_told_and_nobody_is(as_rosa, programme, rosa, changes, told):
    invited(programme, rosa)
    sent = {"programme": programme.pk, "emails": "x@example.org", "days": "7", "note": ""} | changes

    answer = as_rosa.post(f"{URL}new/", sent)

    status, said = told
    assert answer.status_code == status
    assert said in answer.content.decode()
    assert [one.email for one in PreApproval.objects.all()] == ["ann@example.org"]


def test_rosa_revokes_an_invitation_and_a_used_one_has_no_button(as_rosa, programme, rosa):
    first = invited(programme, rosa)
    second = invited(programme, rosa, "cleo@example.org")
    used = inviting.use(second, by=cast.person("cleo@example.org"))

    before = as_rosa.get(URL).content.decode()
    page = as_rosa.post(f"{URL}{first.pk}/revoke/", follow=True).content.decode()

    assert f"{URL}{first.pk}/revoke/" in before
    assert f"{URL}{second.pk}/revoke/" not in before
    assert f"/console/applications/{used.reference}/" in before
    assert "Revoked" in page
    assert as_rosa.post(f"{URL}{second.pk}/revoke/").status_code == 409


def test_rosa_makes_a_code_hands_it_out_and_revokes_it(as_rosa, programme, rosa):
    sent = {
        "programme": programme.pk,
        "uses_max": "3",
        "days": "30",
        "is_pre_approving": "on",
        "note": "Fair",
    }

    page = as_rosa.post(f"{URL}codes/new/", sent, follow=True).content.decode()
    code = ReferralCode.objects.get()
    revoked = as_rosa.post(f"{URL}codes/{code}/revoke/", follow=True).content.decode()

    assert (code.uses_max, code.is_pre_approving, code.note, code.made_by) == (3, True, "Fair", rosa)
    assert f"http://testserver/apply/early-access/?code={code}" in page
    assert "Nobody has used it yet" in page
    assert "Revoked" in revoked
    assert "Revoke the code" not in revoked
    assert as_rosa.post(f"{URL}codes/{code}/revoke/").status_code == 409


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"uses_max": "0"}, "Once at least."), ({"days": "x"}, "Write a whole number of days.")],
)
def test_what_makes_no_code_is_told(as_rosa, programme, changes, said):
    sent = {"programme": programme.pk, "uses_max": "3", "days": "30", "note": ""} | changes

    answer = as_rosa.post(f"{URL}codes/new/", sent)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not ReferralCode.objects.exists()


def test_the_pages_cost_the_same_for_one_and_three(as_rosa, programme, rosa, django_assert_num_queries):
    code = made(programme, rosa, uses_max=9)
    for number in range(3):
        person = cast.person(f"p{number}@example.org")
        inviting.use(invited(programme, rosa, person.email), by=person)
        referring.refer(person.applications.get(), code, by=person)
        made(programme, rosa)
        if number in {0, 2}:
            with django_assert_num_queries(7):
                page = as_rosa.get(URL).content.decode()
            with django_assert_num_queries(7):
                as_rosa.get(f"{URL}codes/{code}/")

    assert "3 of 9" in page


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("get", "new/"),
        ("post", "new/"),
        ("post", "{invitation}/revoke/"),
        ("get", "codes/new/"),
        ("post", "codes/new/"),
        ("get", "codes/{code}/"),
        ("post", "codes/{code}/revoke/"),
    ],
)
def test_nobody_but_reviewers_sees_or_makes_any(programme, rosa, mallory, method, path):
    invitation, code = invited(programme, rosa), made(programme, rosa)
    address = URL + path.format(invitation=invitation.pk, code=code)
    organiser = cast.staff("olga@example.org", "Event organisers")

    answers = [getattr(signed_in(person), method)(address) for person in (mallory, organiser)]
    stranger = getattr(Client(), method)(address)

    assert [answer.status_code for answer in answers] == [403, 403]
    assert stranger.url == f"/accounts/login/?next={address}"
    assert not any("ann@example.org" in answer.content.decode() for answer in answers)
    assert (PreApproval.objects.get().status, ReferralCode.objects.get().revoked_at) == ("sent", None)
