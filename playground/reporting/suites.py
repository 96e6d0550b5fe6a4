"""The regression suite of a release: its active cases as JSON Lines, as suites of evaluations are written.

Each line is {"id", "category", "messages", "expectation"}. The sampling parameters and the seed of a case
stay in its table: a suite has those of its run.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from playground.reporting.models import RegressionCase
from portal.common.refusals import Refusal
from portal.common.storable import is_storable
from portal.releases.models import Release

Message = Mapping[str, Any]
MESSAGES_MAX = 50
CONTENT_CHARACTERS_MAX = 20_000
ROLES = ("system", "user", "assistant")


def slug_of(release: Release) -> str:
    """The slug of its suite."""
    return f"regressions-{release.slug}"


def suite_of(release: Release) -> str:
    """The active cases, the oldest first, one a line; "" where there is none. One query.

    The same cases give the same text, byte by byte, so that a suite changes only when they do.
    """
    cases = RegressionCase.objects.of_release(release).select_related("report")
    return "".join(f"{json.dumps(line_of(case), ensure_ascii=False, sort_keys=True)}\n" for case in cases)


def line_of(case: RegressionCase) -> dict[str, Any]:
    """One case as a line of a suite."""
    return {
        "id": case.case_id,
        "category": case.category,
        "messages": case.messages,
        "expectation": case.expectation,
    }


def askable(messages: Sequence[Message]) -> list[dict[str, str]]:
    """What of the messages of a report a suite can ask: up to the last that a person wrote.

    >>> askable([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "He"}])
    [{'role': 'user', 'content': 'Hi'}]
    """
    kept = list(messages)
    while kept and kept[-1].get("role") != "user":
        kept.pop()
    return [dict(message) for message in kept]


def require_askable(messages: Any) -> list[dict[str, str]]:
    """The messages, if a suite can ask them. Raises Refusal with what is wrong."""
    if not isinstance(messages, list) or not 0 < len(messages) <= MESSAGES_MAX:
        raise _refusal(f"Write a list of 1 to {MESSAGES_MAX} messages, each with role and content.")
    for number, message in enumerate(messages, start=1):
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            raise _refusal(f"Message {number} has something else than role and content.")
        if message["role"] not in ROLES:
            raise _refusal(f"Message {number} has a role that is none of {', '.join(ROLES)}.")
        content = message["content"]
        if not is_storable(content) or not 0 < len(content.strip()) <= CONTENT_CHARACTERS_MAX:
            raise _refusal(f"Message {number} needs a text of 1 to {CONTENT_CHARACTERS_MAX:,} characters.")
    if messages[-1]["role"] != "user":
        raise _refusal("The last message must be one of the role user.")
    return messages


def _refusal(sentence: str) -> Refusal:
    return Refusal("messages_invalid", sentence, status=422)
