"""Preferences as training data: JSON Lines in the conversational format that TRL's DPO trainer takes.

The shape is TRL's (docs: dataset_formats, "Preference", conversational, with an explicit prompt): each
line is {"prompt": messages, "chosen": [message], "rejected": [message]}. docs/feedback.md describes it.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from django.db.models import TextChoices

from playground import parameters
from playground.models import Feedback, Generation, PreferenceVote, Verdict
from playground.threads import messages_for

if TYPE_CHECKING:
    from django.db.models import QuerySet

Line = dict[str, list[dict[str, Any]]]
CHUNK = 200
# So many pairs are counted for a page, which is a second or two; the file is read as it leaves.
COUNTED_MAX = 500
_STORY = "turn__conversation"


class LeftOut(TextChoices):
    """Why a pair is not in the file, for people."""

    UNFIT = "unfit", "A raw completion, a call of a tool, an empty answer, or one that came with a file"
    SAME = "same", "The same words as the other answer"
    OTHER_SYSTEM_PROMPT = "other_system_prompt", "Asked with another system prompt than the winner"
    OTHER_WORDS = "other_words", "A later round, in which each column went on from its own answers"


@dataclass(frozen=True)
class Tally:
    """How many lines a file has, how many pairs it leaves out and why, and the votes that are no pairs.

    With `has_more`, of its first COUNTED_MAX pairs alone.
    """

    lines: int
    left_out: list[tuple[LeftOut, int]]
    undecided: int
    has_more: bool = False


def lines(votes: "QuerySet[PreferenceVote]", feedback: "QuerySet[Feedback]") -> Iterator[str]:
    """The lines of a file: votes first, then corrections, each the oldest first.

    Read in chunks; one query more for each answer that was not the first of its conversation.
    """
    for pair in _pairs(votes, feedback):
        if not isinstance(pair, LeftOut):
            yield json.dumps(pair, ensure_ascii=False) + "\n"


def tally(votes: "QuerySet[PreferenceVote]", feedback: "QuerySet[Feedback]") -> Tally:
    """What the file would hold and leave out, by its first COUNTED_MAX pairs."""
    pairs = _pairs(votes, feedback)
    counts = Counter(pair if isinstance(pair, LeftOut) else None for pair in islice(pairs, COUNTED_MAX))
    left_out = [(reason, counts[reason]) for reason in LeftOut if counts[reason]]
    undecided = votes.exclude(verdict=Verdict.ONE_IS_BETTER).count()
    return Tally(counts[None], left_out, undecided, has_more=next(pairs, None) is not None)


def _pairs(votes: "QuerySet[PreferenceVote]", feedback: "QuerySet[Feedback]") -> Iterator[Line | LeftOut]:
    return chain(_from_votes(votes), _from_corrections(feedback))


def _from_votes(votes: "QuerySet[PreferenceVote]") -> Iterator[Line | LeftOut]:
    """The winner against each other answer of its round."""
    won = votes.filter(verdict=Verdict.ONE_IS_BETTER).order_by("created_at", "pk").distinct()
    story = won.select_related(f"winner__{_STORY}").prefetch_related(f"generations__{_STORY}")
    for vote in story.iterator(chunk_size=CHUNK):
        winner = vote.winner
        if winner is None:
            continue
        prompt = messages_for(winner)
        for other in vote.generations.all():
            if other.pk != winner.pk:
                yield _against(winner, other, prompt)


def _against(winner: Generation, other: Generation, prompt: list[dict[str, Any]]) -> Line | LeftOut:
    """One pair, if both were told `prompt`, the winner's. One query at most."""
    if not (_is_fit(winner) and _is_fit(other) and _is_plain(prompt)):
        return LeftOut.UNFIT
    if other.text == winner.text:
        return LeftOut.SAME
    told = messages_for(other)
    if told == prompt:
        return _line(prompt, chosen=winner.text, rejected=other.text)
    is_told_otherwise = _system_prompt_of(told) != _system_prompt_of(prompt)
    return LeftOut.OTHER_SYSTEM_PROMPT if is_told_otherwise else LeftOut.OTHER_WORDS


def _from_corrections(feedback: "QuerySet[Feedback]") -> Iterator[Line | LeftOut]:
    """What the answer should have been against what it was."""
    corrected = feedback.exclude(correction="").order_by("created_at", "pk")
    for given in corrected.select_related(f"generation__{_STORY}").iterator(chunk_size=CHUNK):
        answer = given.generation
        prompt = messages_for(answer)
        if not (_is_fit(answer) and _is_plain(prompt)):
            yield LeftOut.UNFIT
        elif given.correction == answer.text:
            yield LeftOut.SAME
        else:
            yield _line(prompt, chosen=given.correction, rejected=answer.text)


def _system_prompt_of(messages: list[dict[str, Any]]) -> str:
    return next((str(one["content"]) for one in messages if one["role"] == "system"), "")


def _is_fit(answer: Generation) -> bool:
    """Whether an answer is a model's words in a chat: no raw completion, no call of a tool, not empty."""
    is_words = bool(answer.text.strip()) and not answer.tool_calls
    return is_words and not parameters.is_raw(answer.params) and not answer.is_imported


def _is_plain(prompt: list[dict[str, Any]]) -> bool:
    """Whether the messages are nothing but texts, as every chat template has them."""
    return all(message["role"] != "tool" and "tool_calls" not in message for message in prompt)


def _line(prompt: list[dict[str, Any]], *, chosen: str, rejected: str) -> Line:
    said = {"chosen": chosen, "rejected": rejected}
    answers = {name: [{"role": "assistant", "content": text}] for name, text in said.items()}
    return {"prompt": prompt, **answers}
