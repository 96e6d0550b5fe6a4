"""Runs against a model server: scores, faults, retries, cancels, and what is signed at the end."""

import json
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from playground import turning
from playground.evaluations import actions, asking, dispatching, ending, items, turns
from playground.evaluations.models import EvaluationItem, EvaluationRun, SuiteCase
from portal.common import statements
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.models import Entry
from portal.releases.models import Evaluation, Revision
from tests.evaluations.conftest import BY_HAND, FAILS, PARAMS, case, frozen, serve, suite, work

pytestmark = pytest.mark.django_db(transaction=True)


def test_run_scores_every_case_and_signs_the_result(start, served, eva):
    cases = [case(f"w{n}") for n in range(3)] + [case("c0", category="cold", expectation=FAILS)]

    run = work(start(*cases))

    assert (run.status, run.result) == (
        "done",
        {
            "met": 3,
            "total": 4,
            "categories": [
                {"category": "cold", "met": 0, "total": 1},
                {"category": "warm", "met": 3, "total": 3},
            ],
        },
    )
    evaluation = run.evaluation
    said = json.loads(evaluation.statement)
    assert statements.is_genuine(evaluation.signed)
    assert (evaluation.revision, evaluation.kind, evaluation.suite) == (served, "run", "kindness")
    assert (said["commit"], said["suite_sha256"]) == (served.commit, run.version.sha256)
    assert (said["metrics"]["pass_rate"], said["metrics"]["pass_rate.cold"], said["samples"]) == (0.75, 0, 4)
    facts = said["facts"]
    assert (facts["run"], facts["parameters"], facts["completion_tokens"]) == (str(run.pk), PARAMS, 8)
    assert "not which bytes it has loaded" in facts["caveat"]
    verbs = list(Entry.objects.order_by("number").values_list("verb", flat=True))
    assert verbs[-4:] == [
        "suite.version_added",
        "evaluation_run.started",
        "evaluation.recorded",
        "evaluation_run.ended",
    ]


def test_a_case_is_asked_with_its_own_parameters_before_the_runs(start, monkeypatch):
    sent = []
    post = asking.Asker._post

    async def noted(asker, path, body):
        sent.append(body)
        return await post(asker, path, body)

    monkeypatch.setattr(asking.Asker, "_post", noted)
    own = replace(case("own"), parameters={"seed": 7, "temperature": 1.5})

    run = work(start(own, case("plain"), concurrency=1))

    assert run.status == "done"
    assert [(one["seed"], one["temperature"], one["max_tokens"]) for one in sent] == [
        (7, 1.5, 16),
        (0, 0, 16),
    ]


def test_a_fault_of_the_server_is_tried_again_and_then_given_up(start, monkeypatch):
    monkeypatch.setattr(items, "PAUSE_SECONDS", 0.1)

    run = work(start(case("good"), case("bad", "status=500 message=boom")))

    bad = run.items.get(case__case_id="bad")
    assert (run.status, run.error) == ("failed", "1 of 2 cases has no answer. See why, then retry.")
    assert (bad.status, bad.faults, bad.attempts) == ("failed", 4, 4)
    assert bad.error == "The model server answered 500: boom"
    assert run.items.get(case__case_id="good").status == "scored"
    assert not Evaluation.objects.exists()


def test_a_refused_prompt_is_not_tried_again(start):
    run = work(start(case("bad", "status=400 message=too-long")))

    bad = run.items.get()
    assert (bad.status, bad.attempts, bad.error) == ("failed", 1, "The model server answered 400: too-long")


def test_retry_asks_only_what_has_no_answer(start, eva):
    run = work(start(case("good"), case("bad", "status=400 message=no")))
    SuiteCase.objects.filter(case_id="bad").update(messages=[{"role": "user", "content": "words=1"}])

    asked_count = actions.retry(run, by=eva)
    run = work(run)

    assert asked_count == 1
    assert dict(run.items.values_list("case__case_id", "attempts")) == {"good": 1, "bad": 2}
    # Somebody changed the rows behind the suite's hash, so nothing is signed.
    assert run.status == "grading"
    assert run.error.startswith("The cases of this suite's version are not those whose hash it bears.")
    with pytest.raises(Refusal) as refused:
        actions.record_result(run, by=eva)
    assert refused.value.code == "suite_changed"
    assert not Evaluation.objects.exists()


def test_server_that_serves_another_model_fails_the_run(start, served):
    run = start(case("a"))
    EvaluationRun.objects.filter(pk=run.pk).update(served_name="another")

    run = work(run)

    assert run.status == "failed"
    assert run.error.startswith("The model server does not serve “another”, only tiny-served.")
    assert run.items.get().attempts == 0


def test_server_that_changes_in_between_fails_the_run(start):
    run = start(case("a"))
    EvaluationRun.objects.filter(pk=run.pk).update(server={"version": "0.1"})

    run = work(run)

    assert (run.status, run.error) == ("failed", ending.CHANGED)


def test_server_that_is_away_is_waited_for_and_then_given_up(start, served, settings):
    settings.EVALUATION_TURN_SECONDS = 1
    run = start(case("a"))
    Revision.objects.filter(pk=served.pk).update(backend_url="http://127.0.0.1:1")

    waiting = work(run)
    state = (waiting.status, waiting.away_since is not None)
    EvaluationRun.objects.filter(pk=run.pk).update(away_since=timezone.now() - timedelta(hours=1))
    given_up = work(run)

    assert state == ("running", True)
    assert (given_up.status, given_up.error) == ("failed", ending.GIVEN_UP)


def test_a_turn_is_had_once(start):
    run = start(case("a"))

    taken = turns.take(run.pk, turn=0)

    assert taken is not None
    assert turns.take(run.pk, turn=0) is None
    assert turns.take(run.pk, turn=1) is None


def test_a_dead_worker_loses_its_turn_and_its_late_answer_counts_for_nothing(start):
    run = start(case("a"))
    _, dead = turns.take(run.pk, turn=0)
    claimed = items.claim(run.pk, runner=dead.runner)
    long_ago = timezone.now() - timedelta(minutes=2)
    EvaluationRun.objects.filter(pk=run.pk).update(beat_at=long_ago, sent_at=long_ago)

    sent_count = dispatching.resend_lost()
    run = work(run)

    assert sent_count == 1
    assert items.give_back(claimed) is False
    assert items.claim(run.pk, runner=dead.runner) is None
    item = run.items.get()
    assert (run.status, item.status, item.attempts) == ("done", "scored", 2)
    assert json.loads(run.evaluation.statement)["facts"]["asked_again"] == 1


def test_a_case_has_one_result_in_a_run(start):
    run = start(case("a"))

    with pytest.raises(IntegrityError, match="one_result_a_case"), transaction.atomic():
        EvaluationItem.objects.create(run=run, case=run.version.cases.get())


def test_cancelled_run_has_no_result_and_is_not_gone_on_with(start, eva):
    run = start(case("a"))
    _, turn = turns.take(run.pk, turn=0)
    claimed = items.claim(run.pk, runner=turn.runner)

    actions.cancel(run, by=eva)
    turns.look(turn)

    run.refresh_from_db()
    assert (run.status, turn.is_over.is_set(), items.give_back(claimed)) == ("cancelled", True, False)
    with pytest.raises(IllegalMove):
        actions.retry(run, by=eva)
    assert dispatching.resend_lost(at=timezone.now() + timedelta(hours=1)) == 0


def test_run_goes_on_in_the_next_turn(start, settings):
    settings.EVALUATION_TURN_SECONDS = 1
    run = work(start(*(case(f"c{number}", "words=1 first=0.4") for number in range(5)), concurrency=1))
    after_one = (run.status, run.runner, 1 <= run.items.filter(status="scored").count() < 5)

    settings.EVALUATION_TURN_SECONDS = 30
    run = work(run)

    assert after_one == ("running", None, True)
    assert (run.status, set(run.items.values_list("attempts", flat=True))) == ("done", {1})


def test_worker_that_is_asked_to_stop_gives_back_what_is_out(start):
    run = start(case("slow", "words=1 first=60"))
    stopping = threading.Timer(2, turning.stop_all)
    stopping.start()

    run = work(run)

    item = run.items.get()
    assert (run.status, run.runner, item.status, item.runner) == ("running", None, "waiting", None)
    assert run.turn == 1


def test_result_with_a_hole_is_not_signed(start, eva):
    run = start(case("a"), case("b"))
    run.items.get(case__case_id="b").delete()

    run = work(run)

    assert (run.status, run.error) == (
        "grading",
        "This run has not one answer for each case. Start a new run.",
    )
    assert not Evaluation.objects.exists()


def test_the_same_suite_is_not_run_twice_at_once(start):
    first = start(case("a"))

    with pytest.raises(Refusal) as refused:
        start(case("a"))

    assert (refused.value.code, refused.value.remedy) == ("evaluation_running", first.get_absolute_url())


def test_revision_that_nothing_serves_is_not_run(revision, release, eva, settings, upstream_url):
    version = suite()
    settings.VLLM_BASE_URL = ""
    with pytest.raises(Refusal, match="No model server is configured"):
        actions.start_run(revision, version, params=PARAMS, concurrency=1, by=eva)

    settings.VLLM_BASE_URL = upstream_url
    old = frozen(release, commit="b" * 40, name="old")
    with pytest.raises(Refusal, match="serves its current revision, which is another one"):
        actions.start_run(old, version, params=PARAMS, concurrency=1, by=eva)

    assert actions.start_run(revision, version, params=PARAMS, concurrency=1, by=eva).served_name == "tiny"
    assert actions.start_run(serve(old, upstream_url), version, params=PARAMS, concurrency=1, by=eva)


def test_unreadable_key_leaves_the_result_to_be_recorded_by_a_person(start, eva, settings, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "private.pem").write_text("no key")
    good, settings.STATEMENT_KEYS = settings.STATEMENT_KEYS, tmp_path / "broken"
    run = work(start(case("a")))
    left = (run.status, run.error.partition(" holds no")[0].rpartition("/")[2])

    settings.STATEMENT_KEYS = good
    actions.record_result(run, by=eva)

    run.refresh_from_db()
    assert left == ("grading", "private.pem")
    assert (run.status, run.error, run.evaluation.recorded_by) == ("done", "", eva)


def test_graded_run_is_recorded_only_when_every_answer_has_a_grade(start, eva):
    run = work(start(case("a"), case("b", expectation=BY_HAND)))

    assert (run.status, run.items.get(case__case_id="b").reason) == ("grading", "Is it kind?")
    with pytest.raises(Refusal, match="1 answer waits for a grade"):
        actions.record_result(run, by=eva)
