"""Handing generations to the inference workers, from one place."""

from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from playground.models import Generation, GenerationStatus

log = structlog.get_logger(__name__)


def enqueue(generation_id: UUID) -> None:
    """Send the task once the current transaction has committed."""
    transaction.on_commit(partial(_deliver, generation_id))


def resend(generation_id: UUID, *, sent_before: datetime | None) -> bool:
    """Send the task of a queued generation again, unless somebody just did. One UPDATE.

    `sent_before` is the `sent_at` that the caller read; None where it waits for the model.
    """
    claimed = Generation.objects.filter(
        pk=generation_id, status=GenerationStatus.QUEUED, sent_at=sent_before
    ).update(sent_at=timezone.now())
    if claimed:
        enqueue(generation_id)
    return bool(claimed)


def resend_held() -> int:
    """Send those that waited for their model; how many. For when it became ready."""
    waiting = Generation.objects.filter(status=GenerationStatus.QUEUED, sent_at=None).order_by("queued_at")
    return sum(resend(pk, sent_before=None) for pk in waiting.values_list("pk", flat=True))


def _deliver(generation_id: UUID) -> None:
    """Send now. With the broker away the generation stays queued, and the sweeper sends it later."""
    try:
        current_app.send_task(
            "playground.tasks.generate",
            kwargs={"generation_id": str(generation_id)},
            retry=True,
            retry_policy={"max_retries": 1, "interval_start": 0.1},
        )
    except OperationalError:
        log.warning("generation_not_sent", generation=str(generation_id))
