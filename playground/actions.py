"""Everything that changes a conversation: sending, stopping, retrying, and what the workers do between."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from playground import streams
from playground.dispatching import enqueue
from playground.models import LIVE, MOVES, Conversation, Generation, GenerationStatus, Turn
from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.ledger import actions as ledger
from portal.ledger.verbs import Verb
from portal.releases.models import Release

TITLE_CHARACTERS = 60
# One person's share of the workers' streams; nobody reads more answers at once.
MAXIMUM_LIVE_A_PERSON = 8


@dataclass(frozen=True)
class Wish:
    """What a person asks a model; `token` is the form's own, one for each time it is shown."""

    prompt: str
    system_prompt: str
    temperature: float
    max_tokens: int
    token: uuid.UUID


@dataclass(frozen=True)
class Outcome:
    """What came of a generation."""

    text: str = ""
    finish_reason: str = ""
    error_code: str = ""
    error_sentence: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_token_at: datetime | None = None
    ended_at: datetime | None = None


def send(
    wish: Wish,
    *,
    by: User,
    release: Release,
    conversation: Conversation | None = None,
    address: str | None = None,
) -> Generation:
    """Say something to `release`, in `conversation` or a new one; a form sent twice says it once.

    Raises Refusal when a gate is shut or an answer is still being written.
    """
    key = uuid.uuid5(wish.token, str(by.pk))
    if said := Turn.objects.filter(send_key=key).first():
        return said.generations.with_story().latest("queued_at")
    decide(by, release, Action.PLAYGROUND).require()
    try:
        with transaction.atomic():
            turn = _say(wish, by=by, release=release, conversation=conversation, key=key)
            return _request(turn, params=_frozen(wish, release), by=by, address=address)
    except IntegrityError:
        # The same form arrived twice at once, and the other one was first.
        said = Turn.objects.get(send_key=key)
        return said.generations.with_story().latest("queued_at")


def _say(
    wish: Wish, *, by: User, release: Release, conversation: Conversation | None, key: uuid.UUID
) -> Turn:
    """Write the turn at the end of its conversation, which takes the wish's settings."""
    now = timezone.now()
    if conversation is None:
        conversation = Conversation(user=by, release=release, title=_title(wish.prompt))
    else:
        conversation = Conversation.objects.select_for_update().get(pk=conversation.pk)
        _refuse_while_live(conversation)
    _refuse_too_many(by)
    conversation.system_prompt = wish.system_prompt
    conversation.temperature = wish.temperature
    conversation.max_tokens = wish.max_tokens
    conversation.updated_at = now
    conversation.save()
    last = Generation.objects.filter(turn__conversation=conversation).order_by("queued_at").last()
    return Turn.objects.create(
        conversation=conversation, follows=last, prompt=wish.prompt, send_key=key, created_at=now
    )


def _frozen(wish: Wish, release: Release) -> dict[str, Any]:
    """The parameters as they stand now, so that the answer can be asked for again just so. One query."""
    revision = release.current_revision()
    return {
        "model": release.served_model_name or release.slug,
        "revision": revision.commit if revision else "",
        "system_prompt": wish.system_prompt,
        "temperature": wish.temperature,
        "max_tokens": wish.max_tokens,
    }


def retry(generation: Generation, *, by: User, address: str | None = None) -> Generation:
    """Ask the same again with the same parameters; pressed twice it asks once.

    Raises Refusal when the answer did not fail, the talk has gone on, or a gate is shut.
    """
    decide(by, generation.release, Action.PLAYGROUND).require()
    with transaction.atomic():
        conversation = Conversation.objects.select_for_update().get(pk=generation.turn.conversation_id)
        newest = Generation.objects.filter(turn=generation.turn_id).with_story().latest("queued_at")
        if newest.pk != generation.pk:
            return newest
        if not newest.is_retryable:
            raise Refusal("generation_not_failed", "There is nothing to retry: this answer has not failed.")
        if conversation.turns.latest("created_at").pk != newest.turn_id:
            raise Refusal("conversation_went_on", "The conversation has gone on. Ask again at its end.")
        _refuse_while_live(conversation)
        _refuse_too_many(by)
        Conversation.objects.filter(pk=conversation.pk).update(updated_at=timezone.now())
        return _request(newest.turn, params=newest.params, by=by, address=address)


def cancel(generation: Generation, *, by: User) -> Generation:
    """Stop an answer: at once in the queue, else its worker is told and keeps what has come. Idempotent."""
    with transaction.atomic():
        row = _locked(generation.pk)
        if row.status == GenerationStatus.QUEUED:
            _end(row, to=GenerationStatus.CANCELLED, outcome=Outcome(), by=by)
        elif row.status == GenerationStatus.RUNNING and row.cancel_requested_at is None:
            row.cancel_requested_at = timezone.now()
            row.save(update_fields=["cancel_requested_at"])
            transaction.on_commit(partial(streams.request_cancel, row.pk))
    return row


def hold(generation_id: uuid.UUID) -> None:
    """Keep it queued without a task until its model is ready."""
    Generation.objects.filter(pk=generation_id, status=GenerationStatus.QUEUED).update(sent_at=None)


@transaction.atomic
def begin(generation_id: uuid.UUID) -> Generation | None:
    """Claim a queued generation for a worker; None when it is not to be worked on (any more).

    The gates are asked again, since access may have been taken away while it waited.
    """
    row = Generation.objects.select_for_update(of=("self",)).with_story().filter(pk=generation_id).first()
    if row is None or row.status != GenerationStatus.QUEUED:
        return None
    decision = decide(row.turn.conversation.user, row.release, Action.PLAYGROUND)
    if gate := decision.next_gate:
        outcome = Outcome(error_code=gate.code, error_sentence=gate.sentence)
        _end(row, to=GenerationStatus.FAILED, outcome=outcome)
        return None
    now = timezone.now()
    move(
        row,
        GenerationStatus.RUNNING,
        moves=MOVES,
        attempt=row.attempt + 1,
        started_at=now,
        heartbeat_at=now,
    )
    return row


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
    row = _locked(generation.pk)
    if row.status != GenerationStatus.RUNNING or row.attempt != generation.attempt:
        return False
    now = timezone.now()
    move(row, GenerationStatus.QUEUED, moves=MOVES, sent_at=now, started_at=None, heartbeat_at=None)
    enqueue(row.pk)
    return True


def _request(turn: Turn, *, params: dict[str, Any], by: User, address: str | None) -> Generation:
    """Write a queued generation and send its task on commit. The ledger hears sizes, never words."""
    now = timezone.now()
    generation = Generation.objects.create(turn=turn, params=params, queued_at=now, sent_at=now)
    release = turn.conversation.release
    facts = {name: params[name] for name in ("model", "revision", "temperature", "max_tokens")}
    ledger.record(
        Verb.GENERATION_REQUESTED,
        subject=generation,
        by=by,
        address=address,
        data={"release": release.slug, "prompt_characters": len(turn.prompt), **facts},
    )
    enqueue(generation.pk)
    return generation


def _end_attempt(generation: Generation, *, to: str, outcome: Outcome) -> bool:
    with transaction.atomic():
        row = _locked(generation.pk)
        # A worker that was taken for dead holds a running row; the queued one is another's by now.
        if row.status not in LIVE or (row.status, row.attempt) != (generation.status, generation.attempt):
            return False
        _end(row, to=to, outcome=outcome)
    return True


def _end(row: Generation, *, to: str, outcome: Outcome, by: User | None = None) -> None:
    """Move to an end and record it; those who follow are told by `announce_end` or by the worker's stream."""
    facts = replace(outcome, ended_at=outcome.ended_at or timezone.now())
    has_worker = row.status == GenerationStatus.RUNNING
    move(row, to, moves=MOVES, **vars(facts))
    ledger.record(
        Verb.GENERATION_ENDED,
        subject=row,
        by=by,
        data={
            "status": to,
            "finish_reason": facts.finish_reason,
            "error": facts.error_code,
            "prompt_tokens": facts.prompt_tokens,
            "completion_tokens": facts.completion_tokens,
        },
    )
    if not has_worker:
        transaction.on_commit(partial(streams.announce_end, row.pk, status=to))


def _locked(generation_id: uuid.UUID) -> Generation:
    return Generation.objects.select_for_update(of=("self",)).with_story().get(pk=generation_id)


def _refuse_while_live(conversation: Conversation) -> None:
    if Generation.objects.live().filter(turn__conversation=conversation).exists():
        raise Refusal(
            "answer_not_ended", "The model is still answering. Wait for the end, or stop it, and send again."
        )


def _refuse_too_many(user: User) -> None:
    if Generation.objects.live().visible_to(user).count() >= MAXIMUM_LIVE_A_PERSON:
        raise Refusal(
            "too_many_answers",
            f"{MAXIMUM_LIVE_A_PERSON} answers are being written for you already."
            " Wait for one to end, or stop one.",
            status=429,
        )


def _title(prompt: str) -> str:
    r"""The first line of what was said first, cut at a word.

    >>> _title("  Write a poem\nabout the sea ")
    'Write a poem'
    """
    line = prompt.strip().partition("\n")[0].strip()
    if len(line) <= TITLE_CHARACTERS:
        return line
    return line[:TITLE_CHARACTERS].rsplit(" ", 1)[0] + "…"
