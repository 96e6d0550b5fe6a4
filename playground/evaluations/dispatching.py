"""Handing runs to the batch workers, from one place, one message a turn."""

from datetime import datetime, timedelta
from functools import partial

import structlog
from celery import current_app
from django.db import models, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from playground.evaluations.models import WORKED_ON, EvaluationRun

log = structlog.get_logger(__name__)

# Ten missed beats.
ORPHANED_AFTER = timedelta(seconds=20)
# A message that Valkey lost is sent again; one that only waits is then there twice, which is harmless.
RESENT_AFTER = timedelta(seconds=60)


def enqueue(run: EvaluationRun) -> None:
    """Send the run's next turn once the current transaction has committed."""
    transaction.on_commit(partial(_deliver, str(run.pk), run.turn))


def resend_lost(*, at: datetime | None = None) -> int:
    """Send the turns that nobody has at `at` (None: now): of dead workers, and of lost messages; how many."""
    now = at or timezone.now()
    is_idle = models.Q(runner=None, sent_at__lt=now - RESENT_AFTER)
    is_orphaned = models.Q(runner__isnull=False, beat_at__lt=now - ORPHANED_AFTER)
    is_unsent = models.Q(sent_at__lt=now - ORPHANED_AFTER)
    found = EvaluationRun.objects.filter(is_idle | (is_orphaned & is_unsent), status__in=WORKED_ON)
    sent = 0
    for run in found.order_by("sent_at"):
        mine = EvaluationRun.objects.filter(pk=run.pk, turn=run.turn, sent_at=run.sent_at)
        if mine.update(sent_at=now):
            enqueue(run)
            sent += 1
    return sent


def _deliver(run_id: str, turn: int) -> None:
    """Send now. With the broker away the sweeper sends it later."""
    try:
        current_app.send_task(
            "playground.tasks.run_evaluation",
            kwargs={"run_id": run_id, "turn": turn},
            retry=True,
            retry_policy={"max_retries": 1, "interval_start": 0.1},
        )
    except OperationalError:
        log.warning("evaluation_not_sent", run=run_id)
