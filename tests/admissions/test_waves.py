"""Waves: planned with a sealed seed, cancelled, released at their time, each who is in approved once."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.access.deciding import decide
from portal.admissions import actions, choosing
from portal.admissions.choosing import OLDEST, SCORE, Policy
from portal.admissions.models import Application, CandidateOutcome, Wave, WaveCandidate, WaveStatus
from portal.admissions.models import ApplicationStatus as Status
from portal.admissions.waves import actions as waves
from portal.admissions.waves import tasks as wave_tasks
from portal.admissions.waves import work as wave_work
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.actions import first_break
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.waiting import due, planned, waiting


@pytest.fixture
def sent(monkeypatch) -> list[str]:
    """The tasks that were sent, instead of a broker."""
    sent: list[str] = []
    monkeypatch.setattr(wave_tasks.release_wave, "delay", lambda *, wave_id: sent.append(wave_id))
    return sent


def released(wave) -> Wave:
    wave_tasks.release_wave(wave_id=str(wave.pk))
    wave.refresh_from_db()
    return wave


def fates(wave) -> list[tuple[str, str]]:
    return list(wave.candidates.values_list("reference", "outcome"))


def verbs(wave) -> list[str]:
    return [entry.verb for entry in Entry.objects.about(wave)]


def test_a_plan_commits_to_a_seed_that_it_does_not_tell(programme, rosa):
    wave = planned(programme, rosa, size=500, percent=40)

    [entry] = Entry.objects.about(wave)
    assert (wave.status, wave.seed_shown) == (WaveStatus.PLANNED, "")
    assert entry.data == {
        "programme": programme.slug,
        "policy": {"size": 500, "order": "score", "country_percent_max": 40},
        "seed_commitment": choosing.commitment_to(bytes.fromhex(wave.seed)),
        "scheduled_at": choosing.moment(wave.scheduled_at),
    }
    assert wave.seed not in str(entry.facts())
    assert wave.seed != planned(programme, rosa).seed


@pytest.mark.parametrize(
    ("policy", "hours", "code"),
    [
        (Policy(2, SCORE), -1, "time_past"),
        (Policy(0, SCORE), 1, "policy_unsound"),
        (Policy(5_001, SCORE), 1, "policy_unsound"),
        (Policy(2, "beauty"), 1, "policy_unsound"),
        (Policy(2, SCORE, 0), 1, "policy_unsound"),
        (Policy(2, SCORE, 101), 1, "policy_unsound"),
    ],
)
def test_an_unsound_plan_is_refused(programme, rosa, policy, hours, code):
    at = timezone.now() + timedelta(hours=hours)

    with pytest.raises(Refusal) as refused:
        waves.plan(programme, name="x", policy=policy, scheduled_at=at, by=rosa)

    assert (refused.value.code, refused.value.status) == (code, 422)
    assert not Wave.objects.exists()


def test_the_database_refuses_what_no_wave_may_be(programme, rosa):
    wave = planned(programme, rosa)
    for wrong in ({"size": 0}, {"size": 5_001}, {"country_percent_max": 0}, {"country_percent_max": 101}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Wave.objects.filter(pk=wave.pk).update(**wrong)


def test_at_its_time_the_best_are_approved_and_the_others_go_on_waiting(programme, release, rosa):
    low, high, none, middle = waiting(programme, 1.0, 5.0, None, 3.0)
    wave = released(due(programme, rosa, size=2))

    assert wave.status == WaveStatus.RELEASED
    assert fates(wave) == [
        (high.reference, "approved"),
        (middle.reference, "approved"),
        (low.reference, "not_chosen"),
        (none.reference, "not_chosen"),
    ]
    states = {one.reference: one.status for one in Application.objects.all()}
    assert states == {
        high.reference: Status.APPROVED,
        middle.reference: Status.APPROVED,
        low.reference: Status.WAITLISTED,
        none.reference: Status.WAITLISTED,
    }
    high.refresh_from_db()
    assert (high.decided_by, wave.seed_shown) == (rosa, wave.seed)
    assert "approved" in {gate.code for gate in decide(high.applicant, release, "infer").gates if gate.passed}


def test_the_ledger_has_an_entry_a_verb_and_all_that_a_replay_needs(programme, rosa):
    waiting(programme, 1.0, 5.0, 3.0)
    wave = released(due(programme, rosa, size=2))

    planned_entry, drawn, ended = Entry.objects.about(wave)
    assert verbs(wave) == ["wave.planned", "wave.drawn", "wave.released"]
    assert drawn.data == {
        "programme": programme.slug,
        "policy": {"size": 2, "order": "score", "country_percent_max": None},
        "seed": wave.seed,
        "seed_commitment": planned_entry.data["seed_commitment"],
        "planned": {"number": planned_entry.number, "hash": planned_entry.hash},
        "candidates": 3,
        "chosen": 2,
        "candidates_sha256": choosing.fingerprint_of(one.as_candidate() for one in wave.candidates.all()),
        "list_sha256": drawn.data["list_sha256"],
    }
    # It can be handed to every candidate, so it names nobody.
    assert (drawn.actor_id, drawn.actor_label, drawn.address) == (None, "the portal", None)
    assert ended.data == {"approved": 2, "not_chosen": 1}
    assert Entry.objects.filter(verb="application.approved").count() == 2
    assert first_break() is None


def test_each_who_is_in_gets_the_usual_letter(programme, rosa, post_office):
    [best, _] = waiting(programme, 5.0, 1.0)
    wave = due(programme, rosa, size=1)

    with post_office() as mails:
        released(wave)

    [letter] = mails
    assert letter.to == [best.applicant.email]
    assert f"Your application {best.reference} is approved" in letter.subject


def test_no_country_has_more_than_the_policy_gives_it(programme, rosa):
    germans = waiting(programme, 9.0, 8.0, 7.0, name="d")
    [french] = waiting(programme, 1.0, country="FR", name="f")
    wave = released(due(programme, rosa, size=3, percent=50))

    chosen = list(wave.candidates.filter(outcome="approved").values_list("reference", flat=True))
    assert chosen == [germans[0].reference, french.reference]


def test_the_longest_wait_can_be_first(programme, rosa):
    first, second = waiting(programme, None, 5.0)
    wave = released(due(programme, rosa, size=1, order=OLDEST))

    assert fates(wave) == [(first.reference, "approved"), (second.reference, "not_chosen")]


def test_only_the_programmes_own_waiting_list_counts_and_nobody_decides_on_themselves(programme, rosa):
    [mine] = waiting(programme, 1.0)
    waiting(cast.programme(slug="other"), 5.0, name="other")
    cast.application(cast.person("submitted@example.org"), programme)
    cast.application(rosa, programme, Status.WAITLISTED)

    wave = released(due(programme, rosa, size=10))

    assert fates(wave) == [(mine.reference, "approved")]


def test_an_empty_waiting_list_makes_an_empty_wave(programme, rosa):
    wave = released(due(programme, rosa))

    assert (wave.status, fates(wave)) == (WaveStatus.RELEASED, [])


def test_before_its_time_nothing_happens(programme, rosa):
    waiting(programme, 5.0)
    wave = released(planned(programme, rosa))

    assert (wave.status, verbs(wave)) == (WaveStatus.PLANNED, ["wave.planned"])
    assert not WaveCandidate.objects.exists()


def test_released_again_and_again_it_happens_once(programme, rosa):
    waiting(programme, 5.0, 4.0)
    wave = due(programme, rosa)

    for _ in range(3):
        released(wave)

    assert verbs(wave) == ["wave.planned", "wave.drawn", "wave.released"]
    assert Entry.objects.filter(verb="application.approved").count() == 2


def test_beat_sends_those_that_are_due_or_forgotten(programme, rosa, sent):
    waiting(programme, 5.0)
    forgotten, ready, later = (planned(programme, rosa) for _ in range(3))
    past = timezone.now() - timedelta(minutes=1)
    Wave.objects.exclude(pk=later.pk).update(scheduled_at=past)
    wave_work.draw(forgotten)

    wave_tasks.release_due_waves()
    assert sent == [str(ready.pk)]

    Wave.objects.filter(pk=forgotten.pk).update(heartbeat_at=past)
    wave_tasks.release_due_waves()
    assert sent[1:] == [str(ready.pk), str(forgotten.pk)]


def test_a_worker_that_dies_after_the_draw_is_gone_on_for(programme, rosa):
    waiting(programme, 5.0, 4.0, 3.0)
    wave = due(programme, rosa, size=3)
    wave_work.draw(wave)
    wave_work._admit_next(Wave.objects.get())

    released(wave)

    assert [outcome for _, outcome in fates(wave)] == ["approved"] * 3
    assert Entry.objects.filter(verb="application.approved").count() == 3
    assert verbs(wave) == ["wave.planned", "wave.drawn", "wave.released"]


@pytest.mark.parametrize("choice", ["approved", "withdrawn", "declined", "appealed"])
def test_whoever_was_decided_on_by_hand_after_the_draw_is_left_as_they_are(programme, rosa, rolf, choice):
    first, second = waiting(programme, 5.0, 4.0)
    wave = due(programme, rosa)
    wave_work.draw(wave)
    if choice == "approved":
        actions.approve(first, by=rolf)
    elif choice == "withdrawn":
        actions.withdraw(first, by=first.applicant)
    else:
        actions.decline(first, by=rolf, message="No.")
    if choice == "appealed":
        actions.appeal(first, by=first.applicant, message="Why?")
    first.refresh_from_db()
    as_left = (first.status, first.decided_by)

    released(wave)

    first.refresh_from_db()
    row = wave.candidates.get(application=first)
    assert (first.status, first.decided_by) == as_left
    assert row.outcome == CandidateOutcome.REFUSED
    assert row.sentence.startswith("It had left the waiting list when its turn came")
    assert wave.candidates.get(application=second).outcome == CandidateOutcome.APPROVED
    assert Entry.objects.about(wave).last().data == {"approved": 1, "refused": 1}


def test_an_application_that_is_gone_does_not_stop_the_others(programme, rosa):
    first, second = waiting(programme, 5.0, 4.0)
    wave = due(programme, rosa)
    wave_work.draw(wave)
    first.delete()

    released(wave)

    assert fates(wave) == [(first.reference, "refused"), (second.reference, "approved")]


def test_a_cancelled_wave_is_never_released_and_its_seed_is_opened(programme, rosa, rolf):
    waiting(programme, 5.0)
    wave = waves.cancel(due(programme, rosa), by=rolf)

    released(wave)

    assert (wave.status, wave.seed_shown) == (WaveStatus.CANCELLED, wave.seed)
    assert Entry.objects.about(wave).last().data["seed"] == wave.seed
    assert not WaveCandidate.objects.exists()
    for act in (waves.cancel, waves.bring_forward):
        with pytest.raises(IllegalMove):
            act(wave, by=rosa)


def test_brought_forward_it_is_released_at_once_and_whoever_did_so_answers_for_it(
    programme, rosa, rolf, sent, django_capture_on_commit_callbacks
):
    [best] = waiting(programme, 5.0)
    wave = planned(programme, rosa)
    with django_capture_on_commit_callbacks(execute=True):
        waves.bring_forward(wave, by=rolf)

    assert sent == [str(wave.pk)]
    released(wave)

    best.refresh_from_db()
    assert (best.status, best.decided_by) == (Status.APPROVED, rolf)
    assert verbs(wave) == ["wave.planned", "wave.brought_forward", "wave.drawn", "wave.released"]
    with pytest.raises(IllegalMove):
        waves.cancel(wave, by=rosa)


def test_a_wave_of_one_who_may_not_review_any_more_waits_for_another_reviewer(programme, rosa, rolf, sent):
    [best] = waiting(programme, 5.0)
    wave = due(programme, rosa)
    rosa.groups.clear()

    released(wave)
    assert wave.status == WaveStatus.PLANNED

    waves.bring_forward(wave, by=rolf)
    released(wave)
    best.refresh_from_db()
    assert (wave.status, best.decided_by) == (WaveStatus.RELEASED, rolf)


def test_once_drawn_it_is_carried_out_whatever_becomes_of_the_reviewer(programme, rosa):
    [best] = waiting(programme, 5.0)
    wave = due(programme, rosa)
    wave_work.draw(wave)
    rosa.groups.clear()

    released(wave)

    best.refresh_from_db()
    assert (wave.status, best.status) == (WaveStatus.RELEASED, Status.APPROVED)
