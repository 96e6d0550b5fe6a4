"""The thread of a conversation: which branch of it is shown, and what of it the model is told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from playground import streams
from playground.models import Conversation, Generation, Turn
from portal.common.prepared import prepared

Message = dict[str, Any]


@dataclass(frozen=True)
class Versions:
    """A place among versions of the same thing; `before` and `after` are answers that show the neighbours."""

    number: int
    count: int
    before: UUID | None = None
    after: UUID | None = None


ONLY = Versions(1, 1)


@dataclass(frozen=True)
class Exchange:
    """A turn and one of its answers, and where both stand among their versions."""

    turn: Turn
    generation: Generation
    turn_versions: Versions = ONLY
    answer_versions: Versions = ONLY


class Tree:
    """All turns and answers of one conversation. Two queries."""

    def __init__(self, conversation: Conversation) -> None:
        judged = Prefetch("generations", Generation.objects.select_related("feedback"))
        turns = conversation.turns.order_by("created_at").prefetch_related(judged)
        self._answers: dict[UUID, list[Generation]] = {}
        self._turns: dict[UUID | None, list[Turn]] = {}
        self._by_id: dict[UUID, tuple[Turn, Generation]] = {}
        for turn in turns:
            if answers := sorted(turn.generations.all(), key=lambda one: one.queued_at):
                self._answers[turn.pk] = answers
                self._turns.setdefault(turn.follows_id, []).append(turn)
                self._by_id |= {answer.pk: (turn, answer) for answer in answers}

    @property
    def newest(self) -> UUID | None:
        """The answer that was asked for last; None in an empty conversation."""
        return max(self._by_id, key=lambda pk: self._by_id[pk][1].queued_at, default=None)

    def end_of(self, answer_id: UUID) -> UUID:
        """The newest end of the branches that lead through an answer."""
        while followers := self._turns.get(answer_id):
            answer_id = self._answers[followers[-1].pk][-1].pk
        return answer_id

    def branch_to(self, answer_id: UUID) -> list[Exchange]:
        """What leads to an answer, that one included, oldest first; nothing where there is no such answer."""
        branch: list[Exchange] = []
        following: UUID | None = answer_id
        while following is not None and following in self._by_id:
            turn, answer = self._by_id[following]
            branch.append(Exchange(turn, answer, self._turn_versions(turn), self._answer_versions(answer)))
            following = turn.follows_id
        return branch[::-1]

    def _turn_versions(self, turn: Turn) -> Versions:
        siblings = [self._answers[one.pk][-1].pk for one in self._turns[turn.follows_id]]
        return _place(siblings, siblings.index(self._answers[turn.pk][-1].pk))

    def _answer_versions(self, answer: Generation) -> Versions:
        siblings = [one.pk for one in self._answers[answer.turn_id]]
        return _place(siblings, siblings.index(answer.pk))


def exchanges(conversation: Conversation, *, through: UUID | None = None) -> list[Exchange]:
    """The branch that leads through an answer to its newest end; None: the newest branch. Two queries."""
    tree = Tree(conversation)
    wanted = through or tree.newest
    return tree.branch_to(tree.end_of(wanted)) if wanted else []


def seen_of(answer: Generation) -> streams.Seen | None:
    """What can be seen of an answer that is written. One round trip, unless no worker ever took it up."""
    if not answer.is_live:
        return None
    return streams.seen(answer.pk) if answer.attempt else streams.NOTHING


def versions_of(answer: Generation) -> Versions:
    """Where an answer stands among those to the same turn. One query."""
    found = Generation.objects.filter(turn=answer.turn_id).order_by("queued_at")
    siblings = list(found.values_list("pk", flat=True))
    return _place(siblings, siblings.index(answer.pk))


def messages_for(generation: Generation) -> list[Message]:
    """What the model is sent for `generation`: system prompt, what led to its turn, and the turn.

    OpenAI's messages. A turn whose answer is empty is left out with its answer, since many chat
    templates refuse two messages of one role in a row. One query.
    """
    before = [Exchange(answer.turn, answer) for answer in _ancestors(generation.turn)][::-1]
    said = messages_along(before, system_prompt=generation.params.get("system_prompt", ""))
    return said + said_by(generation.turn)


def messages_along(branch: list[Exchange], *, system_prompt: str, prompt: str = "") -> list[Message]:
    """What the model is told of a branch, and of a `prompt` that would continue it. No query."""
    said: list[Message] = []
    if system_prompt:
        said.append({"role": "system", "content": system_prompt})
    for exchange in branch:
        if exchange.generation.text or exchange.generation.tool_calls:
            said += [*said_by(exchange.turn), answer_message(exchange.generation)]
    if prompt:
        said.append({"role": "user", "content": prompt})
    return said


def said_by(turn: Turn) -> list[Message]:
    """A turn as OpenAI's messages: what was typed, or the results of tools."""
    if turn.tool_results:
        return [{"role": "tool", **result} for result in turn.tool_results]
    return [{"role": "user", "content": turn.prompt}]


def answer_message(answer: Generation) -> Message:
    """An answer as OpenAI's message."""
    message: Message = {"role": "assistant", "content": answer.text}
    if answer.tool_calls:
        message["tool_calls"] = answer.tool_calls
    return message


def _place(siblings: Sequence[UUID], index: int) -> Versions:
    return Versions(
        number=index + 1,
        count=len(siblings),
        before=siblings[index - 1] if index else None,
        after=siblings[index + 1] if index + 1 < len(siblings) else None,
    )


def _ancestors(turn: Turn) -> Iterator[Generation]:
    """The answers before `turn`, the nearest first."""
    if turn.follows_id is None:
        return
    answers = {answer.pk: answer for answer in _answers(conversation_id=turn.conversation_id)}
    following: UUID | None = turn.follows_id
    while following is not None:
        answer = answers[following]
        yield answer
        following = answer.turn.follows_id


@prepared
def _answers(*, conversation_id: UUID) -> QuerySet[Generation]:
    return Generation.objects.filter(turn__conversation=conversation_id).order_by().select_related("turn")
