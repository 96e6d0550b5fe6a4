"""Who works on a batch: one worker at a time, for a turn, and only as long as it shows that it lives."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from playground.batches import dispatching, lines, permission
from playground.batches.models import Batch, BatchStatus
from portal.common.refusals import Refusal

log = structlog.get_logger(__name__)

BEAT_SECONDS = 2
# An approval may be revoked while a batch runs; the gates cost eight queries.
BEATS_BETWEEN_DECISIONS = 5


@dataclass
class Turn:
    """One worker's turn. `ends_as` is why the batch shall end now ("" while it goes on).

    `is_over` says that no more lines are to be sent, for that reason or another.
    """

    batch_id: str
    runner: UUID = field(default_factory=uuid4)
    is_over: threading.Event = field(default_factory=threading.Event)
    ends_as: str = ""
    refusal: Refusal | None = None
    on_over: Callable[[], None] = lambda: None

    def end(self, ends_as: str = "", *, refusal: Refusal | None = None) -> None:
        """Have it end: called from any thread."""
        self.ends_as = self.ends_as or ends_as
        self.refusal = self.refusal or refusal
        self.is_over.set()
        self.on_over()


_live: dict[UUID, Turn] = {}


def take(batch_id: str, *, turn: int) -> tuple[Batch, Turn] | None:
    """Take the turn with the number `turn`; None when it is somebody else's, or was had already.

    What a dead worker had out is settled.
    """
    taken, now = Turn(batch_id), timezone.now()
    is_free = Q(runner=None) | Q(beat_at__lt=now - dispatching.ORPHANED_AFTER)
    mine = Batch.objects.live().filter(is_free, pk=batch_id, turn=turn)
    if not mine.update(runner=taken.runner, beat_at=now, turn=F("turn") + 1):
        return None
    if lost := lines.settle_of_dead_workers(batch_id, runner=taken.runner):
        log.warning("batch_lines_lost", batch=batch_id, count=lost)
    found = Batch.objects.select_related("user", "key", "release", "input_file").get(pk=batch_id)
    return found, taken


@transaction.atomic
def give_back(turn: Turn) -> None:
    """End the turn; if the batch has not ended, the next turn is sent to the end of the queue."""
    mine = Batch.objects.filter(pk=turn.batch_id, runner=turn.runner)
    if mine.update(runner=None, sent_at=timezone.now()):
        batch = Batch.objects.get(pk=turn.batch_id)
        if batch.is_live:
            dispatching.enqueue(batch)


@contextmanager
def beating(turn: Turn) -> Iterator[None]:
    """Show that the worker lives, and watch for what ends the turn, while the block runs."""
    is_done = threading.Event()
    thread = threading.Thread(target=_beat, args=(turn, is_done), name="batch-beat", daemon=True)
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


def look(turn: Turn, *, asks_gates: bool, at: datetime | None = None) -> None:
    """Beat once, and end the turn if the batch is another's, cancelled, expired or not allowed any more."""
    now = at or timezone.now()
    rows = Batch.objects.filter(pk=turn.batch_id, runner=turn.runner)
    if not rows.update(beat_at=now):
        turn.end()
        return
    batch = rows.select_related("user", "key", "release").get()
    if batch.status == BatchStatus.CANCELLING:
        turn.end(BatchStatus.CANCELLED)
    elif batch.expires_at <= now:
        turn.end(BatchStatus.EXPIRED)
    elif asks_gates and batch.status == BatchStatus.IN_PROGRESS and (shut := permission.refusal(batch)):
        turn.end(BatchStatus.FAILED, refusal=shut)


def _beat(turn: Turn, is_done: threading.Event) -> None:
    beats = 0
    while not is_done.wait(BEAT_SECONDS):
        beats += 1
        try:
            look(turn, asks_gates=beats % BEATS_BETWEEN_DECISIONS == 0)
        except DatabaseError as error:
            log.warning("batch_beat_failed", batch=turn.batch_id, error=type(error).__name__)
        finally:
            connection.close()
