"""Which expectations a case may have, and what is wrong with one that is none."""

import re
from collections.abc import Callable, Mapping
from typing import Any

TEXTS_MAX = 50
TEXT_CHARACTERS_MAX = 1_000
PATTERN_CHARACTERS_MAX = 500
SCHEMA_CHARACTERS_MAX = 20_000
CHOICES_MIN, CHOICES_MAX = 2, 20
QUESTION_CHARACTERS_MAX = 500

# Each kind in words, for whoever reads a suite.
KINDS = {
    "refusal": "The answer refuses.",
    "no_refusal": "The answer does not refuse.",
    "contains": "The answer contains a text.",
    "not_contains": "The answer contains none of some texts.",
    "regex": "The answer matches a regular expression.",
    "json_schema": "The answer is JSON of a schema.",
    "choice": "The right choice is the likeliest by its log-probability.",
    "by_hand": "A person grades the answer.",
}


def fault_of(expectation: Mapping[str, Any]) -> str:
    """What is wrong with an expectation, as a sentence; "" when it is one.

    >>> fault_of({"type": "refusal"}), fault_of({"type": "contains"})
    ('', 'needs either “any” or “all”.')
    """
    kind = expectation.get("type")
    if not isinstance(kind, str) or kind not in KINDS:
        return f"has no type that is known. Use one of {', '.join(KINDS)}."
    if odd := next((name for name in expectation if name not in _FIELDS[kind]), None):
        told = ", ".join(f"“{name}”" for name in sorted(_FIELDS[kind]))
        return f"has “{str(odd)[:40]}”, which {kind} does not know. It knows {told}."
    return _CHECKS[kind](expectation)


def _sound(_: Mapping[str, Any]) -> str:
    return ""


def _fault_of_contains(expectation: Mapping[str, Any]) -> str:
    named = [name for name in ("any", "all") if name in expectation]
    if len(named) != 1:
        return "needs either “any” or “all”."
    return _fault_of_texts(expectation, named[0])


def _fault_of_not_contains(expectation: Mapping[str, Any]) -> str:
    return _fault_of_texts(expectation, "texts")


def _fault_of_texts(expectation: Mapping[str, Any], name: str) -> str:
    texts = expectation.get(name)
    is_list = isinstance(texts, list) and 0 < len(texts) <= TEXTS_MAX
    if not is_list or not all(_is_text(one, TEXT_CHARACTERS_MAX) for one in texts or ()):
        return f"needs “{name}”: a list of 1 to {TEXTS_MAX} texts."
    if not isinstance(expectation.get("case_sensitive", False), bool):
        return "has a “case_sensitive” that is neither true nor false."
    return ""


def _fault_of_regex(expectation: Mapping[str, Any]) -> str:
    pattern = expectation.get("pattern")
    if not _is_text(pattern, PATTERN_CHARACTERS_MAX):
        return f"needs a “pattern” of 1 to {PATTERN_CHARACTERS_MAX} characters."
    try:
        re.compile(str(pattern))
    except (re.error, RecursionError, OverflowError) as error:
        return f"has a “pattern” that is no regular expression: {error}."
    return ""


def _fault_of_schema(expectation: Mapping[str, Any]) -> str:
    schema = expectation.get("schema")
    if not isinstance(schema, dict) or len(str(schema)) > SCHEMA_CHARACTERS_MAX:
        return f"needs a “schema”: an object of {SCHEMA_CHARACTERS_MAX:,} characters at most."
    from playground import schemas  # noqa: PLC0415 - loads jsonschema

    fault = schemas.fault_of_schema(schema)
    return f"has a “schema” that is none. {fault}" if fault else ""


def _fault_of_choice(expectation: Mapping[str, Any]) -> str:
    choices = expectation.get("choices")
    is_list = isinstance(choices, list) and CHOICES_MIN <= len(choices) <= CHOICES_MAX
    if not is_list or not all(_is_text(one, TEXT_CHARACTERS_MAX) for one in choices or ()):
        return f"needs “choices”: a list of {CHOICES_MIN} to {CHOICES_MAX} texts."
    if len(set(choices or ())) != len(choices or ()):
        return "has the same choice twice."
    if expectation.get("answer") not in (choices or ()):
        return "needs an “answer” that is one of its choices."
    return ""


def _fault_of_by_hand(expectation: Mapping[str, Any]) -> str:
    if "question" in expectation and not _is_text(expectation["question"], QUESTION_CHARACTERS_MAX):
        return f"has a “question” that is no text of 1 to {QUESTION_CHARACTERS_MAX} characters."
    return ""


def _is_text(value: object, characters_max: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= characters_max


_FIELDS: dict[str, frozenset[str]] = {
    "refusal": frozenset({"type"}),
    "no_refusal": frozenset({"type"}),
    "contains": frozenset({"type", "any", "all", "case_sensitive"}),
    "not_contains": frozenset({"type", "texts", "case_sensitive"}),
    "regex": frozenset({"type", "pattern"}),
    "json_schema": frozenset({"type", "schema"}),
    "choice": frozenset({"type", "choices", "answer"}),
    "by_hand": frozenset({"type", "question"}),
}
_CHECKS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "refusal": _sound,
    "no_refusal": _sound,
    "contains": _fault_of_contains,
    "not_contains": _fault_of_not_contains,
    "regex": _fault_of_regex,
    "json_schema": _fault_of_schema,
    "choice": _fault_of_choice,
    "by_hand": _fault_of_by_hand,
}
