"""The pages of teams, invitations and referral codes in a real browser: accessible and fitting."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from portal.admissions.invitations import inviting, referring
from portal.admissions.models import PreApproval, Team, TeamInvitation
from portal.admissions.teams import actions as teams
from portal.admissions.teams.secret_links import hash_of
from tests import cast
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def team(db: None) -> Team:
    """A team with a member and an open invitation, an invitation of the staff's, and a referral code."""
    programme = cast.programme(cast.release())
    programme.takes_teams = True
    programme.save()
    rosa, lead = cast.staff("rosa@example.org", "Reviewers"), cast.person("lead@example.org")
    made = cast.team(cast.application(lead, programme, "approved"))
    cast.member(made, cast.person("a-member-with-a-rather-long-address@example.org"))
    teams.invite(made, email="guest@example.org", by=lead)
    TeamInvitation.objects.filter(status="invited").update(token_hash=hash_of("known"))
    until = timezone.now() + timedelta(days=30)
    inviting.pre_approve(programme, email="guest@example.org", note="A partner.", expires_at=until, by=rosa)
    PreApproval.objects.update(token_hash=hash_of("known"))
    code = referring.make_code(
        programme, note="Fair", uses_max=9, is_pre_approving=False, expires_at=until, by=rosa
    )
    referring.refer(made.application, code, by=lead)
    return made


@pytest.mark.parametrize("path", ["/join/known/", "/invited/known/"])
def test_stranger_opens_page_and_it_is_accessible_and_fits(page: Page, team: Team, path: str) -> None:
    look_at(page, path)


@pytest.mark.parametrize("path", ["/join/known/", "/invited/known/", "/teams/", "/apply/early-access/"])
def test_guest_opens_page_and_it_is_accessible_and_fits(
    page: Page, enter: Any, team: Team, path: str
) -> None:
    enter(page, cast.person("guest@example.org"))

    look_at(page, path)


def test_lead_opens_pages_and_they_are_accessible_and_fit(page: Page, enter: Any, team: Team) -> None:
    member = team.invitations.get(status="accepted")
    enter(page, team.lead)

    look_at(page, team.get_absolute_url())
    look_at(page, f"{team.get_absolute_url()}{member.pk}/remove/")
    look_at(page, team.application.get_absolute_url())
    look_at(page, "/teams/")


def test_member_opens_pages_and_they_are_accessible_and_fit(page: Page, enter: Any, team: Team) -> None:
    member = team.invitations.select_related("accepted_by").get(status="accepted")
    enter(page, member.accepted_by)

    look_at(page, "/teams/")
    look_at(page, f"/teams/{member.pk}/leave/")


@pytest.mark.parametrize(
    "path",
    [
        "/console/invitations/",
        "/console/invitations/new/",
        "/console/invitations/codes/new/",
        "/console/invitations/codes/{code}/",
        "/console/applications/{reference}/",
        "/console/applications/{reference}/team/",
        "/console/applications/{reference}/team/{member}/",
    ],
)
def test_reviewer_opens_page_and_it_is_accessible_and_fits(
    page: Page, enter: Any, team: Team, path: str
) -> None:
    enter(page, cast.User.objects.get(email="rosa@example.org"))
    known = {
        "code": team.application.referral.code.code,
        "reference": team.application.reference,
        "member": team.invitations.get(status="accepted").pk,
    }

    look_at(page, path.format(**known))
