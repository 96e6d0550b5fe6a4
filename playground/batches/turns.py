"""Who works on a batch: one worker at a time, for a turn, and only as long as it shows that it lives."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from playground import turning
from playground.batches import dispatching, lines, permission
from playground.batches.models import Batch, BatchStatus
from portal.common.refusals import Refusal

log = structlog.get_logger(__name__)

# An approval may be revoked while a batch runs; the gates cost eleven queries.
BEATS_BETWEEN_DECISIONS = 5


@dataclass
class Turn(turning.Turn):
    """One worker's turn with one batch. `ends_as` is why the batch shall end now ("" while it goes on)."""

    batch_id: str
    ends_as: str = ""
    refusal: Refusal | None = None

    def end(self, ends_as: str = "", *, refusal: Refusal | None = None) -> None:
        """Have it end, for that reason or another: called from any thread."""
        self.ends_as = self.ends_as or ends_as
        self.refusal = self.refusal or refusal
        super().end()


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


def beating(turn: Turn) -> AbstractContextManager[None]:
    """Show that the worker lives, and watch for what ends the turn, while the block runs."""
    return turning.beating(
        turn,
        lambda beats: look(turn, asks_gates=beats % BEATS_BETWEEN_DECISIONS == 0),
        name="batch-beat",
    )


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
