"""How a generation ends: stopping, and what the workers and the sweeper do between its claim and its end."""

import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from playground import queueing, streams
from playground.dispatching import enqueue
from playground.models import LIVE, MOVES, Generation, GenerationQuerySet, GenerationStatus
from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.common.prepared import prepared
from portal.common.transitions import LostRace, move
from portal.ledger import actions as ledger
from portal.ledger.verbs import Verb

# As long as the gateway keeps one.
DECISION_KEPT = timedelta(seconds=1)


@dataclass(frozen=True)
class Outcome:
    """What came of a generation."""

    text: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    logprobs: list[list[Any]] = field(default_factory=list)
    finish_reason: str = ""
    error_code: str = ""
    error_sentence: str = ""
    held_tokens: int | None = None
    returned_tokens: int | None = None
    quota_tokens: int | None = None
    quota_left: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_token_at: datetime | None = None
    ended_at: datetime | None = None


def cancel(generation: Generation, *, by: User) -> Generation:
    """Stop an answer: at once in the queue, else its worker is told and keeps what has come. Idempotent."""
    with transaction.atomic():
        row = _locked(generation.pk)
        if row.status == GenerationStatus.QUEUED:
            _end(row, to=GenerationStatus.CANCELLED, outcome=Outcome(), by=by)
        elif row.status == GenerationStatus.RUNNING:
            _ask_worker_to_stop(row)
    return row


def cancel_all(answers: GenerationQuerySet) -> tuple[list[Generation], list[Generation]]:
    """Stop many answers, in the caller's transaction, who tells the ledger of those in the queue.

    Returns those that were taken out of the queue and those whose workers are told now.
    """
    # In one order, so that two who stop the same ones wait for each other and not for ever.
    rows = list(answers.live().select_for_update(of=("self",)).order_by("pk"))
    queued = [row for row in rows if row.status == GenerationStatus.QUEUED]
    for row in queued:
        _move_to_end(row, to=GenerationStatus.CANCELLED, outcome=Outcome())
    running = [row for row in rows if row.status == GenerationStatus.RUNNING]
    return queued, [row for row in running if _ask_worker_to_stop(row)]


def _ask_worker_to_stop(row: Generation) -> bool:
    """Whether its worker was not told before; it is on commit."""
    if row.cancel_requested_at is not None:
        return False
    row.cancel_requested_at = timezone.now()
    row.save(update_fields=["cancel_requested_at"])
    transaction.on_commit(partial(streams.request_cancel, row.pk))
    return True


def hold(generation_id: uuid.UUID) -> None:
    """Keep it queued without a task until its model is ready."""
    Generation.objects.filter(pk=generation_id, status=GenerationStatus.QUEUED).update(sent_at=None)


def begin_next(backend_url: str) -> Generation | None:
    """Claim the queued generation whose turn it is at a model server; None when none may begin now.

    Never more than PLAYGROUND_RUNNING_MAX run at one, however many workers ask at once.
    """
    while True:
        with transaction.atomic():
            queueing.lock(backend_url)
            chosen = queueing.next_in_line(backend_url)
            is_ours = chosen is not None and _claim(chosen)
        if chosen is None:
            return None
        # What it takes to answer is read when nobody waits for the lock any more.
        if is_ours and (row := _ready_to_begin(chosen)):
            return row


def begin(generation_id: uuid.UUID) -> Generation | None:
    """Claim one queued generation; None when it is not to be worked on (any more)."""
    with transaction.atomic():
        is_ours = _claim(generation_id)
    return _ready_to_begin(generation_id) if is_ours else None


def _claim(generation_id: uuid.UUID) -> bool:
    """Whether it is ours now: another may have claimed, stopped or deleted it meanwhile. One query."""
    now = timezone.now()
    queued = Generation(pk=generation_id, status=GenerationStatus.QUEUED)
    try:
        move(
            queued,
            GenerationStatus.RUNNING,
            moves=MOVES,
            attempt=F("attempt") + 1,
            started_at=now,
            heartbeat_at=now,
        )
    except LostRace:
        return False
    return True


def _ready_to_begin(generation_id: uuid.UUID) -> Generation | None:
    """The claimed generation; None when its conversation was deleted meanwhile, or a gate is shut."""
    row = _with_story.first(pk=generation_id)
    return row if row is not None and _may_begin(row) else None


@prepared
def _with_story(*, pk: uuid.UUID) -> QuerySet[Generation]:
    return Generation.objects.with_story().filter(pk=pk)


def _may_begin(row: Generation) -> bool:
    """Ask the gates again, since access may have been taken away while it waited; it fails if so.

    Who sent it decided too, so that one younger than a decision is kept anywhere is not asked for again;
    the worker's watch over the ledger sees what changed since.
    """
    if timezone.now() - row.queued_at < DECISION_KEPT:
        return True
    decision = decide(row.turn.conversation.user, row.release, Action.PLAYGROUND, revision=row.revision)
    if gate := decision.next_gate:
        outcome = Outcome(error_code=gate.code, error_sentence=gate.sentence)
        if fail(row, outcome):
            streams.announce_end(row.pk, status=GenerationStatus.FAILED)
        return False
    return True


def finish(generation: Generation, outcome: Outcome) -> bool:
    """The model said all it had to say. False when the generation is not this attempt's any more."""
    return _end_attempt(generation, to=GenerationStatus.DONE, outcome=outcome)


def stop(generation: Generation, outcome: Outcome) -> bool:
    """It was stopped, and what had come is kept. False as for `finish`."""
    return _end_attempt(generation, to=GenerationStatus.CANCELLED, outcome=outcome)


def fail(generation: Generation, outcome: Outcome) -> bool:
    """It could not be answered; what had come is kept. False as for `finish`."""
    return _end_attempt(generation, to=GenerationStatus.FAILED, outcome=outcome)


@transaction.atomic
def requeue(generation: Generation) -> bool:
    """Give a generation whose worker died before the first token to another. False as for `finish`."""
    row = _locked_alone.first(pk=generation.pk)
    if row is None or row.status != GenerationStatus.RUNNING or row.attempt != generation.attempt:
        return False
    now = timezone.now()
    move(row, GenerationStatus.QUEUED, moves=MOVES, sent_at=now, started_at=None, heartbeat_at=None)
    enqueue(row.pk)
    return True


def _end_attempt(generation: Generation, *, to: str, outcome: Outcome) -> bool:
    with transaction.atomic():
        row = _locked_alone.first(pk=generation.pk)
        # A worker that was taken for dead holds a running row; the queued one is another's by now.
        if (
            row is None
            or row.status not in LIVE
            or (row.status, row.attempt) != (generation.status, generation.attempt)
        ):
            return False
        # The worker has read what it answers for, and need not again while others wait for the ledger.
        row.turn = generation.turn
        _end(row, to=to, outcome=outcome)
    return True


def _end(row: Generation, *, to: str, outcome: Outcome, by: User | None = None) -> None:
    """Move to an end and record it; those who follow are told by `announce_end` or by the worker's stream."""
    facts = _move_to_end(row, to=to, outcome=outcome)
    ledger.record(
        Verb.GENERATION_ENDED,
        subject=row,
        by=by,
        data={
            "status": to,
            # Numbers of answers are counted here, where what people delete stays.
            "release": row.release.slug,
            "revision": row.params.get("revision", ""),
            "finish_reason": facts.finish_reason,
            "error": facts.error_code,
            "prompt_tokens": facts.prompt_tokens,
            "completion_tokens": facts.completion_tokens,
        },
    )


def _move_to_end(row: Generation, *, to: str, outcome: Outcome) -> Outcome:
    facts = replace(outcome, ended_at=outcome.ended_at or timezone.now())
    has_worker = row.status == GenerationStatus.RUNNING
    move(row, to, moves=MOVES, **vars(facts))
    if not has_worker:
        transaction.on_commit(partial(streams.announce_end, row.pk, status=to))
    return facts


def _locked(generation_id: uuid.UUID) -> Generation:
    return Generation.objects.select_for_update(of=("self",)).with_story().get(pk=generation_id)


@prepared
def _locked_alone(*, pk: uuid.UUID) -> QuerySet[Generation]:
    """Without its story. No row when its conversation was deleted meanwhile."""
    return Generation.objects.select_for_update().filter(pk=pk)
