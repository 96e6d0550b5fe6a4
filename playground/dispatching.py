"""Handing generations to the inference workers, from one place."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any
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


def enqueue_all(generation_ids: Sequence[UUID]) -> None:
    """As `enqueue`, of many in one message, which a worker opens: a request would take too long to."""
    transaction.on_commit(partial(_deliver_all, [str(one) for one in generation_ids]))


def send_now(generation_ids: Iterable[str]) -> None:
    """Send the tasks at once. Done twice it is harmless: the second finds the row claimed."""
    for generation_id in generation_ids:
        _deliver(UUID(generation_id))


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
    _send("playground.tasks.generate", generation_id=str(generation_id))


def _deliver_all(generation_ids: list[str]) -> None:
    _send("playground.tasks.send_generations", generation_ids=generation_ids)


def _send(task: str, **kwargs: Any) -> None:
    """Send now. With the broker away generations stay queued, and the sweeper sends them later."""
    try:
        current_app.send_task(
            task, kwargs=kwargs, retry=True, retry_policy={"max_retries": 1, "interval_start": 0.1}
        )
    except OperationalError:
        log.warning("generation_not_sent", **kwargs)
