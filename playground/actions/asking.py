"""What a person asks, and the queued generation that comes of it."""

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from django.db.models import Q, QuerySet
from django.utils import timezone

from playground.dispatching import enqueue, enqueue_all
from playground.models import Conversation, ConversationKind, Generation, Turn
from portal.accounts.models import User
from portal.common.prepared import prepared
from portal.common.refusals import Refusal
from portal.ledger import actions as ledger
from portal.ledger.verbs import Verb
from portal.releases.models import Release, Revision

# One person's share of the workers' streams; nobody reads more answers at once.
MAXIMUM_LIVE_A_PERSON = 8
SEED_BITS = 31
# What the ledger hears of the settings; the others may hold words.
_RECORDED = ("model", "revision", "temperature", "max_tokens", "mode")

# Which answer a message continues: that of an id, the newest, or none since it opens the talk.
Follows = uuid.UUID | Literal["end", "start"]


@dataclass(frozen=True)
class Wish:
    """What a person asks a model; `token` is the form's own, one for each time it is shown.

    `settings` are named as in `playground.parameters`. `tool_results` answer the tools that the
    answer before called: {"tool_call_id", "content"}. `is_unkept` counts for a new conversation.
    """

    prompt: str
    token: uuid.UUID
    settings: Mapping[str, Any] = field(default_factory=dict)
    follows: Follows = "end"
    tool_results: tuple[Mapping[str, str], ...] = ()
    is_unkept: bool = False


def frozen(settings: Mapping[str, Any], release: Release, revision: Revision | None = None) -> dict[str, Any]:
    """The parameters as they stand now, so that the answer can be asked for again just so. One query.

    `revision` is the one that answers, None for the release's current one.

    Where no seed is set one is drawn, else nobody could ask for the same answer again.
    """
    name = (revision.served_model_name if revision else "") or release.served_model_name or release.slug
    revision = revision or release.current_revision()
    params = {
        "model": name,
        "revision": revision.commit if revision else "",
        **settings,
    }
    return params if params.get("seed") is not None else {**params, **_drawn_seed()}


def with_new_seed(params: Mapping[str, Any]) -> dict[str, Any]:
    """The same parameters for another try: a seed that was drawn is drawn again, one that was set stays."""
    return {**params, **_drawn_seed()} if params.get("seed_is_drawn") else dict(params)


def request(
    turn: Turn,
    *,
    params: dict[str, Any],
    by: User,
    address: str | None,
    prefix: str = "",
    session_digest: str = "",
) -> Generation:
    """Write a queued generation and send its task on commit. The ledger hears sizes, never words.

    Call it in a transaction that holds the conversation's row.
    """
    now = timezone.now()
    generation = Generation.objects.create(
        turn=turn,
        params=params,
        prefix=prefix,
        queued_at=now,
        sent_at=now,
        session_digest=session_digest,
    )
    ledger.record(
        Verb.GENERATION_REQUESTED, subject=generation, by=by, address=address, data=_sizes_of(generation)
    )
    enqueue(generation.pk)
    return generation


def request_all(generations: Sequence[Generation], *, by: User, address: str | None) -> None:
    """As `request`, of many that are not written yet, in the queue's order. Four queries."""
    asked_at = timezone.now()
    for number, one in enumerate(generations):
        # A moment apart, since the queue goes by their times.
        one.queued_at, one.sent_at = asked_at + timedelta(microseconds=number), asked_at
    written = Generation.objects.bulk_create(generations)
    # All rows are there before the ledger is touched, for which everybody waits meanwhile.
    facts = [(one, _sizes_of(one)) for one in written]
    ledger.record_all(Verb.GENERATION_REQUESTED, facts, by=by, address=address)
    enqueue_all([one.pk for one in written])


def _sizes_of(generation: Generation) -> dict[str, Any]:
    """What the ledger hears."""
    turn, params = generation.turn, generation.params
    return {
        "release": turn.conversation.release.slug,
        "prompt_characters": len(turn.prompt),
        **{name: params[name] for name in _RECORDED if name in params},
    }


def refuse_while_busy(user: User, conversation: Conversation) -> None:
    """Raise Refusal while an answer of the conversation, or the person's share of them, is being written.

    One query. The cases of runs are not counted: nobody waits before them, and the queue is fair anyway.
    """
    live = _live_answers(user_id=user.pk, conversation_id=conversation.pk)
    if any(talk_id == conversation.pk for talk_id, _ in live):
        raise Refusal(
            "answer_not_ended", "The model is still answering. Wait for the end, or stop it, and send again."
        )
    if sum(kind != ConversationKind.CASE for _, kind in live) >= MAXIMUM_LIVE_A_PERSON:
        raise Refusal(
            "too_many_answers",
            f"{MAXIMUM_LIVE_A_PERSON} answers are being written for you already."
            " Wait for one to end, or stop one.",
            status=429,
        )


@prepared
def _live_answers(*, user_id: int, conversation_id: uuid.UUID) -> QuerySet[Generation, tuple[uuid.UUID, str]]:
    """Conversation and kind of the person's live answers, without the cases of other conversations."""
    talk = "turn__conversation"
    counting = ~Q(**{f"{talk}__kind": ConversationKind.CASE}) | Q(**{talk: conversation_id})
    live = Generation.objects.live().asked_by(user_id).filter(counting)
    return live.order_by().values_list(talk, f"{talk}__kind")


def _drawn_seed() -> dict[str, Any]:
    return {"seed": secrets.randbits(SEED_BITS), "seed_is_drawn": True}
