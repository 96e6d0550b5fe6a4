"""Preferences as training data: JSON Lines in the conversational format that TRL's DPO trainer takes.

The shape is TRL's (docs: dataset_formats, "Preference", conversational, with an explicit prompt): each
line is {"prompt": messages, "chosen": [message], "rejected": [message]}. docs/feedback.md describes it.
"""

import json
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from playground import parameters
from playground.models import Feedback, Generation, PreferenceVote, Verdict
from playground.threads import messages_for

if TYPE_CHECKING:
    from django.db.models import QuerySet

Line = dict[str, list[dict[str, Any]]]
CHUNK = 200
_STORY = "turn__conversation"


def lines(votes: "QuerySet[PreferenceVote]", feedback: "QuerySet[Feedback]") -> Iterator[str]:
    """The lines of a file: votes first, then corrections, each the oldest first.

    Read in chunks; one query more for each answer that was not the first of its conversation.
    """
    for line in chain(_from_votes(votes), _from_corrections(feedback)):
        yield json.dumps(line, ensure_ascii=False) + "\n"


def _from_votes(votes: "QuerySet[PreferenceVote]") -> Iterator[Line]:
    """The winner against each other answer that was given to the same words."""
    won = votes.filter(verdict=Verdict.ONE_IS_BETTER).order_by("created_at", "pk").distinct()
    story = won.select_related(f"winner__{_STORY}").prefetch_related(f"generations__{_STORY}")
    for vote in story.iterator(chunk_size=CHUNK):
        winner = vote.winner
        if winner is None or not _is_fit(winner):
            continue
        prompt = messages_for(winner)
        for other in vote.generations.all():
            if other.pk == winner.pk or not _is_fit(other) or other.text == winner.text:
                continue
            # In later rounds each column continues its own answers; what was asked is then not the same.
            if messages_for(other) == prompt and _is_plain(prompt):
                yield _line(prompt, chosen=winner.text, rejected=other.text)


def _from_corrections(feedback: "QuerySet[Feedback]") -> Iterator[Line]:
    """What the answer should have been against what it was."""
    corrected = feedback.exclude(correction="").order_by("created_at", "pk")
    for given in corrected.select_related(f"generation__{_STORY}").iterator(chunk_size=CHUNK):
        answer = given.generation
        prompt = messages_for(answer)
        if _is_fit(answer) and _is_plain(prompt) and given.correction != answer.text:
            yield _line(prompt, chosen=given.correction, rejected=answer.text)


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
