"""A wave and people at the same moment, each with a connection of their own: everything happens once."""

import pytest

from portal.admissions import actions
from portal.admissions.models import Application, ApplicationStatus, Wave, WaveStatus
from portal.admissions.programmes import starter
from portal.admissions.waves import actions as waves
from portal.admissions.waves import work as wave_work
from portal.common.refusals import Refusal
from portal.ledger.actions import first_break
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.test_race import at_once
from tests.admissions.waiting import due, waiting

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = 6
DECISIONS = ("application.approved", "application.declined", "application.withdrawn")


@pytest.fixture
def rosa():
    """A reviewer, committed."""
    return cast.staff("rosa@example.org", "Reviewers")


@pytest.fixture
def rolf(rosa):
    """A second one."""
    return cast.staff("rolf@example.org", "Reviewers")


@pytest.fixture
def crowd():
    """A waiting list, committed."""
    return waiting(starter.early_access(by=None), *[float(number) for number in range(NUMBER)])


def each_decided_once(crowd) -> None:
    decided = Entry.objects.filter(verb__in=DECISIONS).values_list("subject_id", flat=True)
    assert sorted(decided) == sorted(str(one.pk) for one in crowd)
    assert first_break() is None


def verbs(wave) -> list[str]:
    return [entry.verb for entry in Entry.objects.about(wave)]


@pytest.mark.parametrize("attempt", range(3))
def test_a_wave_and_a_reviewer_approve_at_once_and_each_is_approved_once(crowd, rosa, rolf, attempt):
    wave = due(crowd[0].programme, rosa, size=NUMBER)

    at_once(
        lambda: wave_work.release(wave),
        *[lambda one=one: actions.approve(one, by=rolf) for one in crowd[:3]],
    )

    wave.refresh_from_db()
    assert wave.status == WaveStatus.RELEASED
    assert set(Application.objects.values_list("status", flat=True)) == {ApplicationStatus.APPROVED}
    each_decided_once(crowd)
    # Whom the wave approved it approved itself; whom it left as they were, Rolf did.
    for row in wave.candidates.select_related("application__decided_by"):
        expected = rosa if row.outcome == "approved" else rolf
        assert row.application.decided_by == expected


@pytest.mark.parametrize("attempt", range(3))
def test_a_wave_and_other_decisions_at_once_leave_one_decision_each(crowd, rosa, rolf, attempt):
    wave = due(crowd[0].programme, rosa, size=NUMBER)

    outcomes = at_once(
        lambda: wave_work.release(wave),
        lambda: actions.withdraw(crowd[5], by=crowd[5].applicant),
        lambda: actions.decline(crowd[4], by=rolf, message="No."),
        lambda: actions.withdraw(crowd[0], by=crowd[0].applicant),
    )

    wave.refresh_from_db()
    assert wave.status == WaveStatus.RELEASED
    each_decided_once(crowd)
    for one, outcome in zip((crowd[5], crowd[4], crowd[0]), outcomes[1:], strict=True):
        one.refresh_from_db()
        # Either the person was quicker, or was told that it is approved.
        was_quicker = isinstance(outcome, Application)
        assert was_quicker == (one.status != ApplicationStatus.APPROVED)
        assert was_quicker or isinstance(outcome, Refusal)


@pytest.mark.parametrize("attempt", range(3))
def test_two_workers_at_once_release_a_wave_once(crowd, rosa, attempt):
    wave = due(crowd[0].programme, rosa, size=4)

    at_once(*[lambda: wave_work.release(wave)] * 3)

    wave.refresh_from_db()
    assert wave.status == WaveStatus.RELEASED
    assert verbs(wave) == ["wave.planned", "wave.drawn", "wave.released"]
    assert wave.count_by_outcome() == {"approved": 4, "not_chosen": 2}
    assert Entry.objects.filter(verb="application.approved").count() == 4
    each_decided_once(Application.objects.filter(status=ApplicationStatus.APPROVED))


@pytest.mark.parametrize("attempt", range(3))
def test_a_cancellation_and_the_draw_at_once_do_not_both_happen(crowd, rosa, rolf, attempt):
    wave = due(crowd[0].programme, rosa, size=4)

    _, cancelled = at_once(lambda: wave_work.release(wave), lambda: waves.cancel(wave, by=rolf))

    wave.refresh_from_db()
    if isinstance(cancelled, Wave):
        assert (wave.status, wave.candidates.count()) == (WaveStatus.CANCELLED, 0)
        assert verbs(wave) == ["wave.planned", "wave.cancelled"]
    else:
        assert wave.status == WaveStatus.RELEASED
        assert verbs(wave) == ["wave.planned", "wave.drawn", "wave.released"]


@pytest.mark.parametrize("attempt", range(3))
def test_two_waves_at_once_choose_different_people_and_waste_no_seat(crowd, rosa, rolf, attempt):
    first = due(crowd[0].programme, rosa, size=4)
    second = due(crowd[0].programme, rolf, size=2)

    at_once(lambda: wave_work.release(first), lambda: wave_work.release(second))

    assert first.count_by_outcome().get("approved") == 4
    assert second.count_by_outcome().get("approved") == 2
    each_decided_once(crowd)
