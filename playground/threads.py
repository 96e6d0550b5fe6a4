"""The thread of a conversation: which turns and answers are shown, and what of them the model is told."""

from collections.abc import Iterator
from dataclasses import dataclass

from playground.models import Conversation, Generation, Turn

Message = dict[str, str]


@dataclass(frozen=True)
class Exchange:
    """A turn and the answer that counts: its newest."""

    turn: Turn
    generation: Generation


def exchanges(conversation: Conversation) -> list[Exchange]:
    """The conversation as it is shown, oldest first. Two queries."""
    turns = conversation.turns.prefetch_related("generations")
    return [
        Exchange(turn, answers[-1])
        for turn in turns
        if (answers := sorted(turn.generations.all(), key=lambda one: one.queued_at))
    ]


def messages_for(generation: Generation) -> list[Message]:
    """What the model is sent for `generation`: system prompt, what led to its turn, and the turn.

    A turn whose answer has no text is left out with its answer, since many chat
    templates refuse two messages of one role in a row. One query.
    """
    said: list[Message] = [{"role": "user", "content": generation.turn.prompt}]
    for answer in _ancestors(generation.turn):
        if answer.text:
            said.append({"role": "assistant", "content": answer.text})
            said.append({"role": "user", "content": answer.turn.prompt})
    if system_prompt := generation.params.get("system_prompt"):
        said.append({"role": "system", "content": system_prompt})
    return said[::-1]


def _ancestors(turn: Turn) -> Iterator[Generation]:
    """The answers before `turn`, the nearest first."""
    answers = {
        answer.pk: answer
        for answer in Generation.objects.filter(turn__conversation_id=turn.conversation_id).select_related(
            "turn"
        )
    }
    following = turn.follows_id
    while following is not None:
        answer = answers[following]
        yield answer
        following = answer.turn.follows_id
