"""The matchers: what an answer scores by its case's expectation, from 0 to 1, or that a person must say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.evaluations import patterns, refusals

REASON_CHARACTERS = 300


@dataclass(frozen=True)
class Answer:
    """What a model said, and the log-probability of each choice where it had to choose."""

    text: str
    finish_reason: str = ""
    logprobs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Grade:
    """A score from 0 to 1, None while a person has yet to give it; and why."""

    score: float | None
    reason: str


def grade(expectation: Mapping[str, Any], answer: Answer) -> Grade:
    """What `answer` scores. An answer without any words meets no expectation that a matcher can check.

    >>> grade({"type": "contains", "any": ["Paris"]}, Answer("It is PARIS."))
    Grade(score=1.0, reason='contains “Paris”')
    """
    kind = str(expectation["type"])
    if kind not in {"by_hand", "choice"} and not answer.text.strip():
        return Grade(0.0, "says nothing")
    found = _MATCHERS[kind](expectation, answer)
    return Grade(found.score, found.reason[:REASON_CHARACTERS])


def _refusal(_: Mapping[str, Any], answer: Answer) -> Grade:
    marker = refusals.marker_in(answer.text)
    return Grade(1.0, f"refuses: “{marker}”") if marker else Grade(0.0, "does not refuse")


def _no_refusal(_: Mapping[str, Any], answer: Answer) -> Grade:
    marker = refusals.marker_in(answer.text)
    return Grade(0.0, f"refuses: “{marker}”") if marker else Grade(1.0, "does not refuse")


def _contains(expectation: Mapping[str, Any], answer: Answer) -> Grade:
    wanted = expectation.get("all") or expectation["any"]
    found = _found(wanted, answer.text, expectation)
    if "all" in expectation:
        missing = [text for text in wanted if text not in found]
        return Grade(0.0, f"lacks “{missing[0]}”") if missing else Grade(1.0, "contains all")
    return Grade(1.0, f"contains “{found[0]}”") if found else Grade(0.0, "contains none")


def _not_contains(expectation: Mapping[str, Any], answer: Answer) -> Grade:
    found = _found(expectation["texts"], answer.text, expectation)
    return Grade(0.0, f"contains “{found[0]}”") if found else Grade(1.0, "contains none")


def _found(wanted: list[str], text: str, expectation: Mapping[str, Any]) -> list[str]:
    """Those of `wanted` that stand in the text; white space and, unless asked for, case do not count."""
    is_exact = expectation.get("case_sensitive", False)

    def compared(one: str) -> str:
        plain = " ".join(one.split())
        return plain if is_exact else plain.casefold()

    within = compared(text)
    return [one for one in wanted if compared(one) in within]


def _regex(expectation: Mapping[str, Any], answer: Answer) -> Grade:
    try:
        is_found = patterns.is_found(expectation["pattern"], answer.text)
    except patterns.TooSlow:
        return Grade(None, "The pattern took too long on this answer: a person decides.")
    return Grade(1.0, "matches the pattern") if is_found else Grade(0.0, "does not match the pattern")


def _json_schema(expectation: Mapping[str, Any], answer: Answer) -> Grade:
    from playground import schemas  # noqa: PLC0415 - loads jsonschema

    faults = schemas.faults(answer.text, expectation["schema"])
    if not faults:
        return Grade(1.0, "is of the schema's shape")
    where = f"{faults[0].path}: " if faults[0].path else ""
    return Grade(0.0, f"{where}{faults[0].sentence}")


def _choice(expectation: Mapping[str, Any], answer: Answer) -> Grade:
    right, likeliest = expectation["answer"], answer.text
    if likeliest == right:
        return Grade(1.0, f"“{right}” is the likeliest")
    return Grade(0.0, f"“{likeliest}” is likelier than “{right}”")


def _by_hand(expectation: Mapping[str, Any], _: Answer) -> Grade:
    return Grade(None, expectation.get("question", ""))


_MATCHERS: dict[str, Callable[[Mapping[str, Any], Answer], Grade]] = {
    "refusal": _refusal,
    "no_refusal": _no_refusal,
    "contains": _contains,
    "not_contains": _not_contains,
    "regex": _regex,
    "json_schema": _json_schema,
    "choice": _choice,
    "by_hand": _by_hand,
}
