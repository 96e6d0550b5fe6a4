"""Handing batches to the batch workers, from one place, one message a turn."""

from datetime import datetime, timedelta
from functools import partial

import structlog
from celery import current_app
from django.db import models, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from playground.batches.models import Batch

log = structlog.get_logger(__name__)

# A worker beats every two seconds, and every few thousand lines while it reads or writes a file.
ORPHANED_AFTER = timedelta(seconds=30)
# A message that Valkey lost is sent again; one that only waits is then there twice, which is harmless.
RESENT_AFTER = timedelta(seconds=60)


def enqueue(batch: Batch) -> None:
    """Send the batch's next turn once the current transaction has committed."""
    transaction.on_commit(partial(_deliver, batch.pk, batch.turn))


def resend_lost(*, at: datetime | None = None) -> int:
    """Send the turns that nobody has at `at` (None: now): of dead workers, and of lost messages; how many."""
    now = at or timezone.now()
    is_idle = models.Q(runner=None, sent_at__lt=now - RESENT_AFTER)
    is_orphaned = models.Q(runner__isnull=False, beat_at__lt=now - ORPHANED_AFTER)
    is_unsent = models.Q(sent_at__lt=now - ORPHANED_AFTER)
    found = Batch.objects.live().filter(is_idle | (is_orphaned & is_unsent))
    sent = 0
    for batch in found.order_by("sent_at"):
        claimed = Batch.objects.filter(pk=batch.pk, turn=batch.turn, sent_at=batch.sent_at).update(
            sent_at=now
        )
        if claimed:
            enqueue(batch)
        sent += claimed
    return sent


def _deliver(batch_id: str, turn: int) -> None:
    """Send now. With the broker away the sweeper sends it later."""
    try:
        current_app.send_task(
            "playground.tasks.run_batch",
            kwargs={"batch_id": batch_id, "turn": turn},
            retry=True,
            retry_policy={"max_retries": 1, "interval_start": 0.1},
        )
    except OperationalError:
        log.warning("batch_not_sent", batch=batch_id)
