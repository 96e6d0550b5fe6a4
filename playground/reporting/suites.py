"""The regression suite of a release: its active cases as JSON Lines, as suites of evaluations are written.

Each line is {"id", "category", "messages", "expectation"}, and {"parameters"} where the reported answer had
some that a suite knows: a case is asked with the temperature and the seed of what was reported.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playground import parameters
from playground.reporting.models import RegressionCase
from portal.releases.models import Release

if TYPE_CHECKING:
    from playground.evaluations.suite_files import Fault

Message = Mapping[str, Any]
SLUG_CHARACTERS_MAX = 50
ASKED_WITH = (*(number.name for number in parameters.NUMBERS), "max_tokens")


def slug_of(release: Release) -> str:
    """The slug of its suite; of a release whose own is too long for that, with its number."""
    slug = f"regressions-{release.slug}"
    return slug if len(slug) <= SLUG_CHARACTERS_MAX else f"regressions-{release.pk}"


def suite_of(release: Release) -> str:
    """The active cases, the oldest first, one a line; "" where there is none. One query.

    The same cases give the same text, byte by byte, so that a suite changes only when they do.
    """
    cases = RegressionCase.objects.of_release(release).select_related("report")
    return "".join(f"{_written(line_of(case))}\n" for case in cases)


def line_of(case: RegressionCase) -> dict[str, Any]:
    """One case as a line of a suite."""
    own = {name: case.parameters[name] for name in ASKED_WITH if case.parameters.get(name) is not None}
    told: dict[str, Any] = {
        "id": case.case_id,
        "category": case.category,
        "messages": case.messages,
        "expectation": case.expectation,
    }
    return told | ({"parameters": own} if own else {})


def askable(messages: Sequence[Message]) -> list[dict[str, str]]:
    """What of the messages of a report a suite can ask: up to the last that a person wrote.

    >>> askable([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "He"}])
    [{'role': 'user', 'content': 'Hi'}]
    """
    kept = list(messages)
    while kept and kept[-1].get("role") != "user":
        kept.pop()
    return [dict(message) for message in kept]


def faults_of(messages: Any, expectation: Any) -> "list[Fault]":
    """Why no suite can ask `messages` and hold the answer to `expectation`; nothing where one can."""
    from playground.evaluations import suite_files  # noqa: PLC0415 - loads YAML and jsonschema

    line = {"id": "case", "category": "case", "messages": messages, "expectation": expectation}
    try:
        suite_files.read(_written(line))
    except suite_files.Unreadable as unreadable:
        return unreadable.faults
    return []


def _written(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, sort_keys=True)
