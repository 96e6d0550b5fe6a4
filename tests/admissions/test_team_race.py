"""Seats, invitations and codes, each wanted by two people at once with a connection of their own."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.admissions import actions
from portal.admissions.invitations import admitting, inviting, referring
from portal.admissions.models import Application, Referral, Team, TeamInvitation
from portal.admissions.programmes import starter
from portal.admissions.teams import actions as teams
from portal.admissions.teams import oversight as team_oversight
from portal.admissions.teams.forms import CODE
from portal.common.refusals import Refusal
from portal.ledger.actions import first_break
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS
from tests.admissions.test_race import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def programme():
    """A programme that takes teams, committed."""
    made = starter.early_access(by=None)
    made.takes_teams = True
    made.save()
    return made


@pytest.fixture
def team(programme):
    """An approved team with one seat, committed."""
    return cast.team(cast.application(cast.person("ann@example.org"), programme, "approved"), seats=1)


def codes(outcomes):
    return sorted(one.code if isinstance(one, Refusal) else "done" for one in outcomes)


@pytest.mark.parametrize("attempt", range(3))
def test_two_invitations_at_once_take_the_last_seat_once(team, attempt):
    outcomes = at_once(
        lambda: teams.invite(team, email="a@example.org", by=team.lead),
        lambda: teams.invite(team, email="b@example.org", by=team.lead),
    )

    assert codes(outcomes) == ["done", "no_seat_left"]
    assert TeamInvitation.objects.count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_two_people_join_at_once_and_the_last_seat_is_taken_once(team, attempt):
    people = [cast.person(f"{name}@example.org") for name in ("a", "b")]
    Team.objects.update(seats=2)
    first, second = (teams.invite(team, email=person.email, by=team.lead) for person in people)
    Team.objects.update(seats=1)

    outcomes = at_once(lambda: teams.accept(first, by=people[0]), lambda: teams.accept(second, by=people[1]))

    assert codes(outcomes) == ["done", "no_seat_left"]
    assert TeamInvitation.objects.memberships().count() == 1
    assert first_break() is None


def test_joining_twice_at_once_joins_once(team):
    person = cast.person("a@example.org")
    invitation = teams.invite(team, email=person.email, by=team.lead)

    outcomes = at_once(*[lambda: teams.accept(invitation, by=person)] * 3)

    assert codes(outcomes) == ["done", "invitation_accepted", "invitation_accepted"]
    assert Entry.objects.filter(verb="team.member_joined").count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_seats_are_not_lowered_below_somebody_who_joins_at_once(team, attempt):
    person, rosa = cast.person("a@example.org"), cast.staff("rosa@example.org", "Reviewers")
    invitation = teams.invite(team, email=person.email, by=team.lead)

    outcomes = at_once(
        lambda: teams.accept(invitation, by=person),
        lambda: team_oversight.set_seats(team, seats=0, by=rosa),
    )

    team.refresh_from_db()
    assert codes(outcomes) in (["done", "seats_taken"], ["done", "no_seat_left"])
    assert TeamInvitation.objects.memberships().count() == team.seats


@pytest.mark.parametrize("attempt", range(3))
def test_a_revocation_and_the_leads_own_steps_at_once_both_end(programme, attempt):
    rosa, lead = cast.staff("rosa@example.org", "Reviewers"), cast.person("lead@example.org")
    team = cast.team(cast.application(lead, programme, "approved"))
    person = cast.person("a@example.org")
    own = cast.application(person, programme, "approved")
    membership = cast.member(team, person)

    outcomes = at_once(
        lambda: actions.revoke(own, by=rosa, message="Leaked."),
        lambda: teams.remove(membership, by=lead),
        lambda: teams.invite(team, email="b@example.org", by=lead),
    )

    own.refresh_from_db()
    membership.refresh_from_db()
    lost = {"done", "teaminvitation_removed", "teaminvitation_changed"}
    assert [one for one in outcomes if isinstance(one, Refusal) and one.code not in lost] == []
    assert isinstance(outcomes[0], Application)
    assert (own.status, membership.status) == ("revoked", "removed")
    assert first_break() is None


@pytest.mark.parametrize("attempt", range(3))
def test_nobody_slips_into_a_team_while_their_own_approval_is_revoked(programme, team, attempt):
    rosa, person = cast.staff("rosa@example.org", "Reviewers"), cast.person("a@example.org")
    own = cast.application(person, programme, "approved")
    invitation = teams.invite(team, email=person.email, by=team.lead)

    outcomes = at_once(
        lambda: actions.revoke(own, by=rosa, message="Leaked."),
        lambda: teams.accept(invitation, by=person),
    )

    own.refresh_from_db()
    assert codes(outcomes) in (["done", "done"], ["done", "shut_out"])
    assert own.status == "revoked"
    assert not TeamInvitation.objects.memberships().exists()


@pytest.mark.parametrize("attempt", range(3))
def test_two_reviewers_approve_a_team_at_once_and_its_seats_are_set_once(programme, attempt):
    ann = cast.person("ann@example.org")
    rosa, rolf = (cast.staff(f"{name}@example.org", "Reviewers") for name in ("rosa", "rolf"))
    submitted = actions.submit(actions.start(programme, by=ann), answers=ANSWERS, by=ann)
    teams.ask_for(submitted, name="Example Institute", seats_wanted=3, by=ann)

    outcomes = at_once(
        lambda: actions.approve(submitted, by=rosa, seats=1),
        lambda: actions.approve(submitted, by=rolf, seats=2),
    )

    assert sum(isinstance(one, Application) for one in outcomes) == 1
    assert Entry.objects.filter(verb="team.seats_set").count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_many_with_one_code_at_once_use_it_no_more_often_than_it_may_be(programme, attempt):
    rosa = cast.staff("rosa@example.org", "Reviewers")
    expires_at = timezone.now() + timedelta(days=1)
    code = referring.make_code(
        programme, note="", uses_max=2, is_pre_approving=True, expires_at=expires_at, by=rosa
    )
    people = [cast.person(f"p{number}@example.org") for number in range(4)]
    drafts = [actions.start(programme, by=person) for person in people]
    answers = ANSWERS | {CODE: code.code}

    outcomes = at_once(
        *[
            lambda draft=draft, person=person: admitting.hand_in(draft, answers=answers, by=person)
            for draft, person in zip(drafts, people, strict=True)
        ]
    )

    assert codes(outcomes) == ["code_used_up", "code_used_up", "done", "done"]
    assert Referral.objects.count() == 2
    assert Application.objects.filter(status="approved").count() == 2
    assert first_break() is None


@pytest.mark.parametrize("attempt", range(3))
def test_a_link_and_an_application_at_once_use_an_invitation_once(programme, attempt):
    rosa, ann = cast.staff("rosa@example.org", "Reviewers"), cast.person("ann@example.org")
    expires_at = timezone.now() + timedelta(days=1)
    made = inviting.pre_approve(programme, email=ann.email, note="", expires_at=expires_at, by=rosa)
    draft = actions.start(programme, by=ann)

    at_once(
        lambda: inviting.use(made, by=ann),
        lambda: admitting.hand_in(draft, answers=ANSWERS, by=ann),
    )

    assert Application.objects.get().status == "approved"
    assert Entry.objects.filter(verb="pre_approval.used").count() == 1
    assert first_break() is None
