"""Whether a rule says something that can be carried out: each problem in a sentence that names its remedy."""

from collections.abc import Iterable, Mapping

from portal.admissions import countries, matching
from portal.admissions.applications.signals import SignalCode
from portal.admissions.models import LISTED, Programme, Question, QuestionKind, RuleEffect

CONDITIONS_MAX = 10
VALUE_CHARACTERS_MAX = 2_000
OPERATOR_WORDS = {
    "is": "is",
    "is_not": "is not",
    "contains": "contains",
    "in": "is one of",
    "not_in": "is none of",
    "at_least": "is at least",
    "at_most": "is at most",
    "present": "is there",
    "absent": "is not there",
}
_LISTS = frozenset({"in", "not_in"})
_WHOLE = frozenset({"is", "is_not"}) | _LISTS


def problems(programme: Programme, *, effect: str, conditions: Iterable[Mapping[str, str]]) -> list[str]:
    """Everything that is wrong with a rule of `programme`; [] where nothing is. One query."""
    found = list(conditions)
    questions = {one.code: one for one in programme.questions.all()}
    told = [problem for condition in found if (problem := problem_of(condition, questions))]
    if not found:
        told.append("Add a condition: a rule without any would match everybody.")
    if len(found) > CONDITIONS_MAX:
        told.append(f"Ask for {CONDITIONS_MAX} things at most, and put the rest into another rule.")
    if effect not in RuleEffect.values:
        told.append("Choose what the rule does: approve, waitlist or flag.")
    elif effect != RuleEffect.FLAG and programme.needs_second_reviewer:
        told.append("The programme wants two reviewers to agree, so its rules may only flag. Let it flag.")
    elif effect != RuleEffect.FLAG and found and not told and not matching.asks_for_an_answer(found):
        told.append(
            "Signals never decide alone: add a condition on an answer or the country, or let the rule flag."
        )
    return told


def problem_of(condition: Mapping[str, str], questions: Mapping[str, Question]) -> str:
    """What is wrong with one condition; "" where nothing is."""
    subject, operator, value = (str(condition.get(name, "")) for name in ("subject", "operator", "value"))
    kind = matching.kind_of(subject)
    if not kind:
        return f"“{subject}” is nothing that a rule can ask for. Choose a subject from the list."
    name = subject.partition(":")[2]
    if kind == matching.ANSWER and name not in questions:
        return f"The programme has no question “{name}” any more. Choose another one."
    if kind == matching.SIGNAL and name not in SignalCode.values:
        return f"There is no signal “{name}”. Choose another one."
    if operator not in matching.OPERATORS[kind]:
        words = ", ".join(OPERATOR_WORDS[one] for one in matching.OPERATORS[kind])
        chosen = OPERATOR_WORDS.get(operator, operator)
        return f"“{chosen}” does not fit {label_of(subject, questions)}. Choose of: {words}."
    if operator in matching.WITHOUT_VALUE:
        return ""
    return _problem_of_value(subject, operator, value, questions)


def label_of(subject: str, questions: Mapping[str, Question]) -> str:
    """The subject as staff read it."""
    kind, name = matching.kind_of(subject), subject.partition(":")[2]
    if kind == matching.ANSWER:
        return f"the answer to “{questions[name].label if name in questions else name}”"
    if kind == matching.SIGNAL:
        return f"the signal “{dict(SignalCode.choices).get(name, name)}”"
    return "the country" if kind == matching.COUNTRY else "the account's age in days"


def in_words(condition: Mapping[str, str], questions: Mapping[str, Question]) -> str:
    """One condition as staff read it."""
    words = f"{label_of(condition['subject'], questions)} {OPERATOR_WORDS[condition['operator']]}"
    if condition["operator"] in matching.WITHOUT_VALUE:
        return words
    value = ", ".join(condition["value"].split("\n"))
    return f"{words} {value}"


def _problem_of_value(subject: str, operator: str, value: str, questions: Mapping[str, Question]) -> str:
    label = label_of(subject, questions)
    if not value.strip() or (operator in _LISTS and not matching.values_in(value)):
        return f"Say with what {label} is compared."
    if len(value) > VALUE_CHARACTERS_MAX:
        return f"Compare {label} with {VALUE_CHARACTERS_MAX:,} characters at most."
    if operator in {"at_least", "at_most"}:
        return "" if matching.number_in(value) is not None else f"Compare {label} with a number, such as 30."
    known = _known(subject, questions)
    if operator not in _WHOLE or known is None:
        return ""
    asked = matching.values_in(value) if operator in _LISTS else {" ".join(value.casefold().split())}
    unknown = sorted(asked - {" ".join(one.casefold().split()) for one in known})
    return f"{label.capitalize()} is never “{unknown[0]}”. Check how it is written." if unknown else ""


def _known(subject: str, questions: Mapping[str, Question]) -> Iterable[str] | None:
    """Every value that the subject can have; None where it can have any."""
    if subject == matching.COUNTRY:
        return countries.NAMES
    question = questions.get(subject.partition(":")[2])
    if question is None or question.kind not in {*LISTED, QuestionKind.COUNTRY}:
        return None
    return countries.NAMES if question.kind == QuestionKind.COUNTRY else question.choices
