"""Referral codes: they mark an application or approve it, in time, and no more often than they may."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.admissions import actions
from portal.admissions.invitations import referring
from portal.admissions.models import Application, ApplicationStatus, Referral, ReferralCode
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import form
from tests.conftest import signed_in

APPLY = "/apply/early-access/"


@pytest.fixture
def code(programme, rosa) -> ReferralCode:
    """A code that marks an application, twice."""
    return made(programme, rosa)


def made(programme, by, *, is_pre_approving=False, uses_max=2, lasts=timedelta(days=30)) -> ReferralCode:
    return referring.make_code(
        programme,
        note="Conference",
        uses_max=uses_max,
        is_pre_approving=is_pre_approving,
        expires_at=timezone.now() + lasts,
        by=by,
    )


def applied(person, programme, typed):
    client = signed_in(person)
    return client.post(APPLY, form(client, programme) | {"answer-referral.code": typed}, follow=True)


def test_a_code_can_be_read_out(code):
    assert len(code.code) == 8
    assert not set(code.code) & set("01IOULAESY")
    assert code.get_absolute_url() == f"/apply/early-access/?code={code.code}"


def test_the_form_asks_for_a_code_only_while_there_are_any(programme, ann, rosa):
    client = signed_in(ann)
    before = client.get(APPLY).content.decode()
    only = made(programme, rosa)
    during = client.get(APPLY).content.decode()
    referring.revoke_code(only, by=rosa)

    assert "Referral code" not in before
    assert "Referral code" in during
    assert "Referral code" not in client.get(APPLY).content.decode()


def test_the_link_of_a_code_fills_it_in_also_after_signing_in(code, ann, client):
    page = signed_in(ann).get(code.get_absolute_url()).content.decode()
    stranger = client.get(code.get_absolute_url()).content.decode()

    assert f'value="{code.code}"' in page
    assert f"/accounts/login/?next=/apply/early-access/%3Fcode%3D{code.code}" in stranger


def test_a_code_marks_the_application_for_ann_and_for_reviewers(code, ann, programme, as_rosa):
    typed = f" {code.code[:4].lower()}-{code.code[4:].lower()} "

    page = applied(ann, programme, typed).content.decode()

    application = Application.objects.get()
    console = as_rosa.get(f"/console/applications/{application.reference}/").content.decode()
    found = as_rosa.get("/console/applications/", {"q": code.code}).content.decode()
    not_found = as_rosa.get("/console/applications/", {"q": "ZZZZZZZZ"}).content.decode()
    [entry] = Entry.objects.filter(verb="referral_code.used")
    assert application.status == ApplicationStatus.SUBMITTED
    assert application.referral.code == code
    assert "Referred by code" in page
    assert code.code in page
    assert "Referred by code" in console
    assert (application.reference in found, application.reference in not_found) == (True, False)
    assert entry.data == {"programme": "early-access", "application": application.reference}


def test_a_pre_approving_code_approves_in_the_name_of_its_maker(programme, rosa, ann):
    code = made(programme, rosa, is_pre_approving=True)

    page = applied(ann, programme, code.code).content.decode()

    application = Application.objects.get()
    assert (application.status, application.decided_by) == (ApplicationStatus.APPROVED, rosa)
    assert application.referral.code == code
    assert f"The referral code {code} approves beforehand" in page


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("NOPENOPE", "“NOPENOPE” is no referral code of Early access."),
        ("' OR 1=1", "is no referral code of Early access."),
    ],
)
def test_a_wrong_code_is_told_and_nothing_is_submitted(code, ann, programme, typed, sentence):
    page = applied(ann, programme, typed)

    draft = Application.objects.get()
    assert (page.status_code, draft.status) == (422, ApplicationStatus.DRAFT)
    assert sentence in page.content.decode()


def test_a_code_of_another_programme_is_none_here(programme, rosa, ann, release):
    other = made(cast.programme(release, slug="other"), rosa)
    made(programme, rosa)

    assert applied(ann, programme, other.code).status_code == 422


def test_a_code_expires_as_time_passes(code, programme):
    with pytest.raises(Refusal) as caught:
        referring.code_for(programme, code.code, at=timezone.now() + timedelta(days=30))

    assert caught.value.code == "code_over"
    assert referring.code_for(programme, code.code) == code


def test_a_revoked_code_is_good_for_nothing_and_revoked_once(code, programme, rosa):
    referring.revoke_code(code, by=rosa)

    with pytest.raises(Refusal) as caught:
        referring.code_for(programme, code.code)
    with pytest.raises(IllegalMove):
        referring.revoke_code(code, by=rosa)
    assert caught.value.code == "code_over"


def test_a_code_is_used_no_more_often_than_it_may_be(code, programme):
    pages = [applied(cast.person(f"p{number}@example.org"), programme, code.code) for number in range(3)]

    assert [page.status_code for page in pages] == [200, 200, 422]
    assert "has been used as often as it may be" in pages[2].content.decode()
    assert Referral.objects.count() == 2


def test_a_code_does_not_approve_whom_a_reviewer_decided_against(programme, rosa, ann, submitted):
    actions.revoke(actions.approve(submitted, by=rosa), by=rosa, message="Leaked.")
    code = made(programme, rosa, is_pre_approving=True)
    actions.start(programme, by=ann)

    applied(ann, programme, code.code)

    again = Application.objects.exclude(pk=submitted.pk).get()
    assert (again.status, again.referral.code) == (ApplicationStatus.SUBMITTED, code)


def test_a_code_does_not_approve_its_own_maker(programme, rosa):
    code = made(programme, rosa, is_pre_approving=True)

    applied(rosa, programme, code.code)

    assert Application.objects.get().status == ApplicationStatus.SUBMITTED


def test_a_code_approves_no_longer_than_its_maker_may(programme, rosa, ann):
    code = made(programme, rosa, is_pre_approving=True)
    rosa.is_active = False
    rosa.save()

    applied(ann, programme, code.code)

    assert Application.objects.get().status == ApplicationStatus.SUBMITTED
