"""A run's way to its end: failed, waiting for grades, or measured, signed and done."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from playground.evaluations import items, metrics, server
from playground.evaluations.models import (
    RUN_MOVES,
    EvaluationItem,
    EvaluationRun,
    RunStatus,
    SuiteCase,
)
from playground.evaluations.signals import concluded
from playground.evaluations.suite_files import Case, sha256_of
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import EvaluationKind
from portal.releases.safety import evaluations

# Loading a large model takes some minutes; a server that is away for longer needs a person.
PATIENCE = timedelta(minutes=15)
GIVEN_UP = (
    "The model server took nothing for a quarter of an hour. Start it, then retry: answers so far are kept."
)
CHANGED = (
    "The model server is not the one that began this run (its version or its model differs), so its answers"
    " cannot stand together. Start a new run."
)


def note_server(run_id: UUID, runner: UUID, facts: Mapping[str, Any]) -> bool:
    """Write down what the server says of itself; another server than at the beginning fails the run."""
    run = EvaluationRun.objects.get(pk=run_id)
    if not run.server:
        rows = EvaluationRun.objects.filter(pk=run_id, runner=runner, status=RunStatus.RUNNING)
        return bool(rows.update(server=dict(facts)))
    if run.server == facts:
        return True
    fail(run_id, runner, CHANGED)
    return False


def note_absence(run_id: UUID, runner: UUID) -> bool:
    """The server takes nothing: note since when, and fail the run when its time is up; whether it is."""
    now = timezone.now()
    mine = EvaluationRun.objects.filter(pk=run_id, runner=runner, status=RunStatus.RUNNING)
    mine.filter(away_since=None).update(away_since=now)
    if mine.filter(away_since__lt=now - PATIENCE).exists():
        return fail(run_id, runner, GIVEN_UP)
    return False


def note_presence(run_id: UUID) -> None:
    """The server takes something again."""
    EvaluationRun.objects.filter(pk=run_id).update(away_since=None)


@transaction.atomic
def fail(run_id: UUID, runner: UUID, sentence: str) -> bool:
    """End a run without a result; what was answered stays for a retry. False when it is another's by now."""
    run = EvaluationRun.objects.select_for_update().get(pk=run_id)
    if run.runner != runner or run.status != RunStatus.RUNNING:
        return False
    items.free_those_out(run_id)
    _end(run, RunStatus.FAILED, error=sentence[:500], away_since=None)
    return True


@transaction.atomic
def settle(run_id: UUID, *, runner: UUID) -> None:
    """When every case has come to its end, end the run, or have it wait for people."""
    run = EvaluationRun.objects.select_for_update().get(pk=run_id)
    if run.runner != runner or run.status != RunStatus.RUNNING:
        return
    progress = metrics.progress_of(run)
    if progress.unsettled:
        return
    if progress.failed:
        have = "has" if progress.failed == 1 else "have"
        sentence = f"{progress.failed} of {progress.total} cases {have} no answer. See why, then retry."
        _end(run, RunStatus.FAILED, error=sentence)
    elif progress.ungraded:
        move(run, RunStatus.GRADING, moves=RUN_MOVES)
    else:
        try:
            with transaction.atomic():
                conclude(run, by=run.started_by)
        except Refusal as refusal:
            # Such as a key for signatures that cannot be read: a person mends it and records the result.
            move(run, RunStatus.GRADING, moves=RUN_MOVES, error=refusal.sentence[:500])


def conclude(run: EvaluationRun, *, by: User | None, address: str | None = None) -> None:
    """Measure a locked run whose cases all have scores, have the result signed, and end it.

    Raises Refusal: `suite_changed`, `cases_missing` or `revision_changed` when the rows are not what was
    run, and what signing raises.
    """
    _require_same_content(run)
    rates = metrics.rates_of(run)
    total = metrics.whole(rates)
    evaluation = evaluations.record(
        run.revision,
        kind=EvaluationKind.RUN,
        suite=run.version.suite.slug,
        suite_sha256=run.version.sha256,
        metrics=metrics.metrics_of(rates),
        samples=total.total,
        facts=facts_of(run, rates),
        by=by,
        address=address,
    )
    result = {"met": total.successes, "total": total.total, "categories": metrics.as_json(rates)}
    _end(run, RunStatus.DONE, result=result, evaluation=evaluation, error="", by=by, address=address)
    concluded.send(sender=EvaluationRun, run=run)


def facts_of(run: EvaluationRun, rates: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader of the signed result needs to understand it and to run it again. Two queries."""
    progress = metrics.progress_of(run)
    scored = EvaluationItem.objects.filter(run=run)
    counted = scored.aggregate(
        truncated=Count("pk", filter=Q(finish_reason="length")),
        graded=Count("pk", filter=Q(grader__isnull=False)),
        graders=Count("grader", distinct=True),
    )
    return {
        "run": str(run.pk),
        "commit": run.commit,
        "suite_version": run.version.number,
        "parameters": run.params,
        "concurrency": run.concurrency,
        "served_name": run.served_name,
        "vllm_version": run.server.get("version", ""),
        "server": run.server,
        "caveat": server.caveat(run.server),
        "prompt_tokens": progress.prompt_tokens,
        "completion_tokens": progress.completion_tokens,
        "asked_again": progress.repeats,
        "answers_cut_at_max_tokens": counted["truncated"],
        "graded_by_hand": counted["graded"],
        "graders": counted["graders"],
        "categories": metrics.as_json(rates),
        "begun_at": run.begun_at,
    }


def _require_same_content(run: EvaluationRun) -> None:
    """Refuse to sign for other cases or other bytes than the run names, whoever changed the rows."""
    rows = SuiteCase.objects.filter(version=run.version)
    cases = [Case(row.case_id, row.category, row.messages, row.expectation, row.parameters) for row in rows]
    if sha256_of(cases) != run.version.sha256:
        raise Refusal(
            "suite_changed",
            "The cases of this suite's version are not those whose hash it bears. Upload the suite again"
            " and start a new run.",
        )
    if EvaluationItem.objects.filter(run=run).count() != run.version.case_count:
        raise Refusal("cases_missing", "This run has not one answer for each case. Start a new run.")
    if run.revision.commit != run.commit:
        raise Refusal("revision_changed", "The revision is not the one that was evaluated. Start a new run.")


def _end(
    run: EvaluationRun,
    to: RunStatus,
    *,
    by: User | None = None,
    address: str | None = None,
    **changes: Any,
) -> None:
    move(run, to, moves=RUN_MOVES, ended_at=timezone.now(), **changes)
    data = {"status": to, "suite": run.version.suite.slug, "sha256": run.version.sha256, "commit": run.commit}
    told = {"error": run.error} if run.error else {}
    record(Verb.EVALUATION_RUN_ENDED, subject=run, by=by, data=data | run.result | told, address=address)
