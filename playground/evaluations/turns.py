"""Who works on a run: one worker at a time, for a turn, and only as long as it shows that it lives."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from playground import turning
from playground.evaluations import dispatching, items
from playground.evaluations.models import RUN_MOVES, WORKED_ON, EvaluationRun, RunStatus
from portal.common.transitions import move

log = structlog.get_logger(__name__)


@dataclass
class Turn(turning.Turn):
    """One worker's turn with one run."""

    run_id: UUID


@transaction.atomic
def take(run_id: UUID, *, turn: int) -> tuple[EvaluationRun, Turn] | None:
    """Take the turn with the number `turn`; None when it is somebody else's, or was had already.

    What a dead worker had out is asked again: an evaluation's answer is nobody's until it is stored.
    """
    taken, now = Turn(run_id), timezone.now()
    is_free = Q(runner=None) | Q(beat_at__lt=now - dispatching.ORPHANED_AFTER)
    mine = EvaluationRun.objects.filter(is_free, pk=run_id, turn=turn, status__in=WORKED_ON)
    if not mine.update(runner=taken.runner, beat_at=now, turn=F("turn") + 1):
        return None
    if lost := items.free_those_out(run_id):
        log.warning("evaluation_items_lost", run=str(run_id), count=lost)
    run = EvaluationRun.objects.with_story().get(pk=run_id)
    if run.status == RunStatus.QUEUED:
        move(run, RunStatus.RUNNING, moves=RUN_MOVES, begun_at=run.begun_at or now)
    return run, taken


@transaction.atomic
def give_back(turn: Turn) -> None:
    """End the turn; if the run is not through, the next turn is sent to the end of the queue."""
    mine = EvaluationRun.objects.filter(pk=turn.run_id, runner=turn.runner)
    if mine.update(runner=None, sent_at=timezone.now()):
        run = EvaluationRun.objects.get(pk=turn.run_id)
        if run.is_worked_on:
            dispatching.enqueue(run)


def beating(turn: Turn) -> AbstractContextManager[None]:
    """Show that the worker lives, and watch for what ends the turn, while the block runs."""
    return turning.beating(turn, lambda _: look(turn), name="evaluation-beat")


def look(turn: Turn) -> None:
    """Beat once, and end the turn if the run is another worker's, cancelled or failed by now."""
    rows = EvaluationRun.objects.filter(pk=turn.run_id, runner=turn.runner, status=RunStatus.RUNNING)
    if not rows.update(beat_at=timezone.now()):
        turn.end()
