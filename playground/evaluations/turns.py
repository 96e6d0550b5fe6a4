"""Who works on a run: one worker at a time, for a turn, and only as long as it shows that it lives."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from playground.evaluations import dispatching, items
from playground.evaluations.models import RUN_MOVES, WORKED_ON, EvaluationRun, RunStatus
from portal.common.transitions import move

log = structlog.get_logger(__name__)

BEAT_SECONDS = 2


@dataclass
class Turn:
    """One worker's turn; `is_over` says that nothing more is to be sent."""

    run_id: UUID
    runner: UUID = field(default_factory=uuid4)
    is_over: threading.Event = field(default_factory=threading.Event)
    on_over: Callable[[], None] = lambda: None

    def end(self) -> None:
        """Have it end: called from any thread."""
        self.is_over.set()
        self.on_over()


_live: dict[UUID, Turn] = {}


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


@contextmanager
def beating(turn: Turn) -> Iterator[None]:
    """Show that the worker lives, and watch for what ends the turn, while the block runs."""
    is_done = threading.Event()
    thread = threading.Thread(target=_beat, args=(turn, is_done), name="evaluation-beat", daemon=True)
    _live[turn.runner] = turn
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()
        _live.pop(turn.runner, None)


def stop_all() -> None:
    """Have every turn of this process end: the worker is about to stop."""
    for turn in list(_live.values()):
        turn.end()


def look(turn: Turn) -> None:
    """Beat once, and end the turn if the run is another worker's, cancelled or failed by now."""
    rows = EvaluationRun.objects.filter(pk=turn.run_id, runner=turn.runner, status=RunStatus.RUNNING)
    if not rows.update(beat_at=timezone.now()):
        turn.end()


def _beat(turn: Turn, is_done: threading.Event) -> None:
    while not is_done.wait(BEAT_SECONDS):
        try:
            look(turn)
        except DatabaseError as error:
            log.warning("evaluation_beat_failed", run=str(turn.run_id), error=type(error).__name__)
        finally:
            connection.close()
