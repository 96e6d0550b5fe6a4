"""Finding generations that nobody works on, so that none stays queued or running for ever."""

from datetime import datetime, timedelta
from functools import partial

import structlog
from django.db import transaction
from django.utils import timezone

from playground import actions, dispatching, queueing, readiness, streams
from playground.models import Generation, GenerationStatus

log = structlog.get_logger(__name__)

# Four missed heartbeats.
ORPHANED_AFTER = timedelta(seconds=20)
# A task that Valkey lost is sent again; one that only waits is then there twice, which is harmless.
RESENT_AFTER = timedelta(seconds=30)
# Installing and loading a model takes some minutes; whoever waits for longer is told.
GIVEN_UP_AFTER = timedelta(minutes=30)
MAXIMUM_ATTEMPTS = 2


def sweep(*, at: datetime | None = None) -> int:
    """Resend, end or give up what nobody works on at `at` (None: now); how many."""
    now = at or timezone.now()
    queued = Generation.objects.filter(status=GenerationStatus.QUEUED).with_story()
    overdue = queued.filter(queued_at__lt=now - GIVEN_UP_AFTER)
    unsent = queued.filter(queued_at__gte=now - GIVEN_UP_AFTER).exclude(sent_at__gte=now - RESENT_AFTER)
    orphans = Generation.objects.filter(
        status=GenerationStatus.RUNNING, heartbeat_at__lt=now - ORPHANED_AFTER
    )
    swept = sum(_give_up(generation) for generation in overdue)
    swept += sum(_resend(generation) for generation in unsent)
    swept += sum(_take_from_dead_worker(generation) for generation in orphans)
    if swept:
        log.info("generations_swept", count=swept)
    return swept


def _give_up(generation: Generation) -> bool:
    return actions.fail(
        generation,
        actions.Outcome(
            error_code="queue_timeout",
            error_sentence="No worker took this up for half an hour. Press Retry when the model is ready.",
        ),
    )


def _resend(generation: Generation) -> bool:
    status = readiness.status_of(generation.release, generation.revision)
    if status.is_loading or not queueing.has_room(generation.server_url):
        return False
    return dispatching.resend(generation.pk, sent_before=generation.sent_at)


@transaction.atomic
def _take_from_dead_worker(generation: Generation) -> bool:
    """Give it to another worker when nobody saw anything of it yet, else end it with what was seen."""
    text = streams.seen(generation.pk).text
    if generation.cancel_requested_at is not None:
        outcome = actions.Outcome(text=text, finish_reason="stopped")
        ended, status = actions.stop(generation, outcome), GenerationStatus.CANCELLED
    elif len(text) <= len(generation.prefix) and generation.attempt < MAXIMUM_ATTEMPTS:
        return actions.requeue(generation)
    else:
        outcome = actions.Outcome(
            text=text,
            error_code="worker_lost",
            error_sentence="The worker that wrote this answer stopped. What had arrived is kept:"
            " press Retry to ask again.",
        )
        ended, status = actions.fail(generation, outcome), GenerationStatus.FAILED
    if ended:
        transaction.on_commit(partial(streams.announce_end, generation.pk, status=status))
    return ended
