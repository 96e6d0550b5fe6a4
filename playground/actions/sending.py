"""Sending a message, and asking again for the answer to one."""

import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from playground.actions.asking import (
    Follows,
    Wish,
    frozen,
    refuse_while_busy,
    request,
    with_new_seed,
)
from playground.models import Conversation, Generation, Turn
from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.common.prepared import prepared
from portal.common.refusals import Refusal
from portal.releases.models import Release

TITLE_CHARACTERS = 60
# The title of what is not kept, since another would tell what was said.
NOT_KEPT = "Not kept"


def send(
    wish: Wish,
    *,
    by: User,
    release: Release,
    conversation: Conversation | None = None,
    address: str | None = None,
    session_digest: str = "",
) -> Generation:
    """Say something to `release`, in `conversation` or a new one; a form sent twice says it once.

    Raises Refusal when a gate is shut, an answer is still being written, or there is nothing to continue.
    """
    key = uuid.uuid5(wish.token, str(by.pk))
    try:
        revision = conversation.revision if conversation else None
        decide(by, release, Action.PLAYGROUND, revision=revision).require()
        with transaction.atomic():
            turn = _say(wish, by=by, release=release, conversation=conversation, key=key)
            params = frozen(wish.settings, release, turn.conversation.revision)
            return request(turn, params=params, by=by, address=address, session_digest=session_digest)
    except (IntegrityError, Refusal):
        # The same form arrived before, and what it asked is what stands in its way now.
        if said := Turn.objects.filter(send_key=key).first():
            return said.generations.with_story().latest("queued_at")
        raise


def _say(
    wish: Wish, *, by: User, release: Release, conversation: Conversation | None, key: uuid.UUID
) -> Turn:
    """Write the turn where it belongs in its conversation, which takes the wish's settings."""
    now = timezone.now()
    is_new = conversation is None
    if conversation is None:
        title = NOT_KEPT if wish.is_unkept else title_of(wish.prompt)
        conversation = Conversation(user=by, release=release, title=title, is_unkept=wish.is_unkept)
    else:
        conversation = _locked(conversation)
    refuse_while_busy(by, conversation)
    conversation.settings = dict(wish.settings)
    conversation.updated_at = now
    conversation.save()
    return Turn.objects.create(
        conversation=conversation,
        follows=None if is_new else _followed(conversation, wish.follows),
        prompt=wish.prompt,
        tool_results=list(wish.tool_results),
        send_key=key,
        created_at=now,
    )


def _followed(conversation: Conversation, follows: Follows) -> Generation | None:
    """The answer that a message continues. One query. Raises Refusal when it is not in the conversation."""
    if follows == "start":
        return None
    if follows == "end":
        return _newest_answer.first(conversation_id=conversation.pk)
    if answer := _answer.first(conversation_id=conversation.pk, pk=follows):
        return answer
    raise Refusal("answer_gone", "What you continue is not in this conversation any more. Reload the page.")


def retry(
    generation: Generation, *, by: User, address: str | None = None, session_digest: str = ""
) -> Generation:
    """Ask the same again with the same parameters; pressed twice it asks once.

    Raises Refusal when the answer did not fail, the talk has gone on, or a gate is shut.
    """
    decide(by, generation.release, Action.PLAYGROUND, revision=generation.revision).require()
    with transaction.atomic():
        conversation = _locked(generation.turn.conversation)
        newest = Generation.objects.filter(turn=generation.turn_id).with_story().latest("queued_at")
        if newest.pk != generation.pk:
            return newest
        if not newest.is_retryable:
            raise Refusal("generation_not_failed", "There is nothing to retry: this answer has not failed.")
        if newest.continued_by.exists():
            raise Refusal("conversation_went_on", "The conversation has gone on. Ask again at its end.")
        return _ask_again(
            newest,
            conversation,
            params=newest.params,
            prefix=newest.prefix,
            by=by,
            address=address,
            session_digest=session_digest,
        )


def regenerate(
    generation: Generation,
    *,
    by: User,
    settings: dict[str, Any] | None = None,
    address: str | None = None,
    session_digest: str = "",
) -> Generation:
    """Ask for another answer to the same turn, with `settings` (None: as before); the old one stays.

    Raises Refusal when an answer is being written or a gate is shut.
    """
    decide(by, generation.release, Action.PLAYGROUND, revision=generation.revision).require()
    with transaction.atomic():
        conversation = _locked(generation.turn.conversation)
        params = (
            with_new_seed(generation.params)
            if settings is None
            else frozen(settings, generation.release, generation.revision)
        )
        return _ask_again(
            generation, conversation, params=params, by=by, address=address, session_digest=session_digest
        )


def go_on(
    generation: Generation, *, by: User, address: str | None = None, session_digest: str = ""
) -> Generation:
    """Have the model write on where an answer ended; the longer answer stands beside the shorter.

    Raises Refusal when there is nothing to go on from, an answer is being written, or a gate is shut.
    """
    decide(by, generation.release, Action.PLAYGROUND, revision=generation.revision).require()
    if not generation.can_go_on:
        raise Refusal("nothing_to_continue", "There is no text here that the model could continue.")
    with transaction.atomic():
        return _ask_again(
            generation,
            _locked(generation.turn.conversation),
            params=with_new_seed(generation.params),
            prefix=generation.text,
            by=by,
            address=address,
            session_digest=session_digest,
        )


def _ask_again(generation: Generation, conversation: Conversation, *, by: User, **asked: Any) -> Generation:
    refuse_while_busy(by, conversation)
    now = timezone.now()
    Conversation.objects.filter(pk=conversation.pk).update(updated_at=now)
    # The page that shows the answer must not take it for something that was asked elsewhere.
    generation.turn.conversation.updated_at = now
    return request(generation.turn, by=by, **asked)


def _locked(known: Conversation) -> Conversation:
    """The conversation as it stands now, for this transaction alone. One query."""
    conversation = _locked_conversation.first(pk=known.pk)
    if conversation is None:
        raise Conversation.DoesNotExist
    conversation.release, conversation.revision = known.release, known.revision
    return conversation


@prepared
def _locked_conversation(*, pk: uuid.UUID) -> QuerySet[Conversation]:
    return Conversation.objects.select_for_update().filter(pk=pk)


@prepared
def _newest_answer(*, conversation_id: uuid.UUID) -> QuerySet[Generation]:
    return Generation.objects.filter(turn__conversation=conversation_id).order_by("-queued_at")[:1]


@prepared
def _answer(*, conversation_id: uuid.UUID, pk: uuid.UUID) -> QuerySet[Generation]:
    return Generation.objects.filter(turn__conversation=conversation_id, pk=pk)


def title_of(prompt: str) -> str:
    r"""The first line of what was said first, cut at a word.

    >>> title_of("  Write a poem\nabout the sea ")
    'Write a poem'
    """
    line = prompt.strip().partition("\n")[0].strip()
    if len(line) <= TITLE_CHARACTERS:
        return line
    return line[:TITLE_CHARACTERS].rsplit(" ", 1)[0] + "…"
