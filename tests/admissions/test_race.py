"""Two people at once, each with a connection of their own."""

import threading

import pytest
from django.db import connection

from portal.admissions import actions
from portal.admissions.models import Application, ApplicationStatus
from portal.admissions.programmes import starter
from portal.admissions.reviewing import claiming
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove, LostRace
from portal.ledger.actions import first_break
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def submitted():
    """An application, committed."""
    ann = cast.person("ann@example.org")
    return actions.submit(actions.start(starter.early_access(by=None), by=ann), answers=ANSWERS, by=ann)


def at_once(*calls):
    """Run the calls at the same moment; return what each gave or refused, in their order."""
    outcomes = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(place, call):
        connection.ensure_connection()
        start.wait(timeout=10)
        try:
            outcomes[place] = call()
        except Refusal as refusal:
            outcomes[place] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return outcomes


@pytest.mark.parametrize("attempt", range(3))
def test_two_reviewers_decide_at_once_and_one_decision_stands(submitted, attempt):
    rosa, rolf = (cast.staff(f"{name}@example.org", "Reviewers") for name in ("rosa", "rolf"))
    seen = submitted.notes.last().pk

    outcomes = at_once(
        lambda: actions.approve(submitted, by=rosa, seen=seen),
        lambda: actions.decline(submitted, by=rolf, message="No.", seen=seen),
    )

    [won] = [one for one in outcomes if isinstance(one, Application)]
    [lost] = [one for one in outcomes if isinstance(one, LostRace)]
    submitted.refresh_from_db()
    assert (submitted.status, submitted.decided_by) == (won.status, won.decided_by)
    assert lost.sentence.startswith(f"{won.decided_by} was here first")
    assert Entry.objects.filter(verb__in=["application.approved", "application.declined"]).count() == 1
    assert first_break() is None


def test_a_withdrawal_and_a_decision_at_once_do_not_both_happen(submitted):
    rosa = cast.staff("rosa@example.org", "Reviewers")

    outcomes = at_once(
        lambda: actions.approve(submitted, by=rosa),
        lambda: actions.withdraw(submitted, by=submitted.applicant),
    )

    submitted.refresh_from_db()
    assert sorted(type(one).__name__ for one in outcomes) == ["Application", "IllegalMove"]
    assert submitted.status in {ApplicationStatus.APPROVED, ApplicationStatus.WITHDRAWN}


def test_submitting_twice_at_once_submits_once():
    ann = cast.person("ann@example.org")
    draft = actions.start(starter.early_access(by=None), by=ann)

    outcomes = at_once(*[lambda: actions.submit(draft, answers=ANSWERS, by=ann)] * 3)

    assert sum(isinstance(one, IllegalMove) for one in outcomes) == 2
    assert Entry.objects.filter(verb="application.submitted").count() == 1


def test_starting_many_times_at_once_starts_one_draft():
    ann = cast.person("ann@example.org")
    programme = starter.early_access(by=None)

    outcomes = at_once(*[lambda: actions.start(programme, by=ann)] * 4)

    assert {one.pk for one in outcomes} == {Application.objects.get().pk}
    assert Entry.objects.filter(verb="application.started").count() == 1


def test_two_reviewers_claim_at_once_and_one_has_it(submitted):
    rosa, rolf = (cast.staff(f"{name}@example.org", "Reviewers") for name in ("rosa", "rolf"))

    outcomes = at_once(lambda: claiming.claim(submitted, by=rosa), lambda: claiming.claim(submitted, by=rolf))

    [won] = [one for one in outcomes if isinstance(one, Application)]
    [lost] = [one for one in outcomes if isinstance(one, Refusal)]
    submitted.refresh_from_db()
    assert submitted.assignee == won.assignee
    assert lost.code == "taken_by_another"
    assert Entry.objects.filter(verb="application.claimed").count() == 1


def test_the_last_place_is_given_once():
    programme = starter.early_access(by=None)
    programme.capacity = 1
    programme.save()
    rosa = cast.staff("rosa@example.org", "Reviewers")
    made = [cast.application(cast.person(f"p{number}@example.org"), programme) for number in range(3)]

    outcomes = at_once(*[lambda one=one: actions.approve(one, by=rosa) for one in made])

    assert Application.objects.filter(status=ApplicationStatus.APPROVED).count() == 1
    assert sorted(one.code for one in outcomes if isinstance(one, Refusal)) == ["programme_full"] * 2
