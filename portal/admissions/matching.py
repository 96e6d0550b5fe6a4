"""Whether a rule matches an application: pure functions over what was answered and what stands out.

A condition is a subject, an operator and a value, in plain JSON as `Rule.conditions` keeps it:
`{"subject": "answer:intended_use", "operator": "is", "value": "Research"}`. All conditions of a
rule must hold, and of a set the first rule that matches counts.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

ANSWER, SIGNAL, COUNTRY, ACCOUNT_AGE = "answer:", "signal:", "country", "account_age_days"
_TEXT = ("is", "is_not", "in", "not_in", "contains", "present", "absent")
_NUMBER = ("at_least", "at_most")
# The kind of subject -> the operators that make sense for it.
OPERATORS: dict[str, tuple[str, ...]] = {
    ANSWER: (*_TEXT, *_NUMBER),
    SIGNAL: ("present", "absent"),
    COUNTRY: ("is", "is_not", "in", "not_in", "present", "absent"),
    ACCOUNT_AGE: _NUMBER,
}
WITHOUT_VALUE = frozenset({"present", "absent"})


class Matchable(Protocol):
    """What has conditions: a rule, saved or not."""

    conditions: list[dict[str, str]]


_M = TypeVar("_M", bound=Matchable)


@dataclass(frozen=True)
class Facts:
    """What the conditions ask about."""

    answers: Mapping[str, Any]
    signals: frozenset[str]
    country: str
    account_age_days: int

    def text_of(self, subject: str) -> str:
        """The subject as text; "" where there is nothing."""
        if subject.startswith(ANSWER):
            answer = self.answers.get(subject.removeprefix(ANSWER))
            if isinstance(answer, list):
                return ", ".join(answer)
            return "" if answer is False else str(answer or "")
        if subject.startswith(SIGNAL):
            return "yes" if subject.removeprefix(SIGNAL) in self.signals else ""
        return self.country if subject == COUNTRY else str(self.account_age_days)

    def texts_of(self, subject: str) -> list[str]:
        """Each of the choices that answer the subject, or its text alone; [] where there is nothing."""
        answer = self.answers.get(subject.removeprefix(ANSWER)) if subject.startswith(ANSWER) else None
        texts = answer if isinstance(answer, list) else [self.text_of(subject)]
        return [text for text in texts if text]


def kind_of(subject: str) -> str:
    """Which of OPERATORS a subject is of; "" for none of them.

    >>> kind_of("answer:use_case"), kind_of("country"), kind_of("moon")
    ('answer:', 'country', '')
    """
    for kind in (ANSWER, SIGNAL):
        if subject.startswith(kind) and subject != kind:
            return kind
    return subject if subject in {COUNTRY, ACCOUNT_AGE} else ""


def first_match(rules: Iterable[_M], facts: Facts) -> _M | None:
    """The first rule of which every condition holds; one without conditions never matches."""
    for rule in rules:
        if rule.conditions and all(holds(condition, facts) for condition in rule.conditions):
            return rule
    return None


def holds(condition: Mapping[str, str], facts: Facts) -> bool:
    """Whether one condition holds. Case and space around do not count; no number is neither more nor less.

    Of several choices one suffices for “is” and “is one of”; “is not” and “is none of” are their opposites.
    """
    operator, value = condition["operator"], condition.get("value", "")
    if operator in _NEGATED:
        return not holds({**condition, "operator": _NEGATED[operator]}, facts)
    if operator in {"is", "in"}:
        asked = values_in(value) if operator == "in" else {_plain(value)}
        return any(_plain(text) in asked for text in facts.texts_of(condition["subject"]))
    return _HOLDS[operator](_plain(facts.text_of(condition["subject"])), value)


def asks_for_an_answer(conditions: Iterable[Mapping[str, str]]) -> bool:
    """Whether any condition is about what the applicant has said, as no signal and no account's age is."""
    return any(kind_of(condition["subject"]) in {ANSWER, COUNTRY} for condition in conditions)


def values_in(value: str) -> frozenset[str]:
    """The values of a list: a line each, or separated by commas where there is one line.

    >>> sorted(values_in("DE, fr"))
    ['de', 'fr']
    """
    lines = value.strip().splitlines()
    parts = lines if len(lines) > 1 else value.split(",")
    return frozenset(plain for part in parts if (plain := _plain(part)))


def number_in(text: str) -> float | None:
    """The number that a text is; None for any other text.

    >>> number_in(" 1,200 "), number_in("a few"), number_in("inf")
    (1200.0, None, None)
    """
    try:
        number = float(text.strip().replace(",", ""))
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def sha256_of(rules: Sequence[Any]) -> str:
    """What tells one wording of a set from another: name, effect and conditions of each rule, in order."""
    plain = [[rule.name, str(rule.effect), rule.conditions] for rule in rules]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _compares(text: str, value: str, compare: Callable[[float, float], bool]) -> bool:
    left, right = number_in(text), number_in(value)
    return left is not None and right is not None and compare(left, right)


_NEGATED = {"is_not": "is", "not_in": "in", "absent": "present"}
_HOLDS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, value: bool(_plain(value)) and _plain(value) in text,
    "present": lambda text, _: bool(text),
    "at_least": lambda text, value: _compares(text, value, lambda left, right: left >= right),
    "at_most": lambda text, value: _compares(text, value, lambda left, right: left <= right),
}
