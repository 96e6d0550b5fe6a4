"""A programme's questions as the Hub's form, and a programme that takes over such a form's questions."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.text import slugify

from portal.accounts.models import User
from portal.admissions import matching
from portal.admissions.models import Programme, Question, QuestionKind, RuleSetStatus
from portal.admissions.models.rules import Rule
from portal.admissions.programmes.actions import loosen_conditions
from portal.admissions.programmes.gating import TEXTS, Card, Field, Option
from portal.common.refusals import Refusal
from portal.common.transitions import LostRace
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

_TYPE_OF: dict[str, str] = {
    QuestionKind.CHOICE: "select",
    QuestionKind.COUNTRY: "country",
    QuestionKind.CONSENT: "checkbox",
}
# What a type becomes here, and what its applicants then read beside the question.
_KIND_OF: dict[str, tuple[QuestionKind, str]] = {
    "text": (QuestionKind.SHORT_TEXT, ""),
    "checkbox": (QuestionKind.CONSENT, ""),
    "date_picker": (QuestionKind.SHORT_TEXT, "A date, as year-month-day, such as 2026-11-29."),
    "country": (QuestionKind.COUNTRY, ""),
    "ip_location": (QuestionKind.COUNTRY, "The country in which you are."),
    "select": (QuestionKind.CHOICE, ""),
}
_NOTES = {
    "date_picker": "The portal asks for the date as text.",
    "ip_location": "The portal asks for the country, and takes nothing from the network address.",
}
CODE_CHARACTERS_MAX = 50


@dataclass(frozen=True)
class Planned:
    """What becomes of one question: `change` is new, kept, changed or removed."""

    question: Question
    change: str
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """What taking over a card does to a programme."""

    questions: list[Planned]
    texts: dict[str, str]
    changed_texts: list[str]
    seen: str

    @property
    def changes_anything(self) -> bool:
        """Whether it is worth carrying out."""
        return bool(self.changed_texts) or any(one.change != "kept" for one in self.questions)


def card_of(programme: Programme) -> Card:
    """The programme's questions and texts as the Hub writes them. One query unless the questions are read."""
    texts = _derived(programme) | programme.hub_texts
    fields = tuple(field for _, field in _fields_of(programme))
    return Card(fields=fields, texts={name: text for name, text in texts.items() if text})


def plan(programme: Programme, card: Card) -> Plan:
    """What `take_over` would do now; nothing is written. Two queries."""
    rows = _fields_of(programme)
    # First of all, since planning changes the questions in memory.
    seen = _seen([question for question, _ in rows])
    by_label = {
        field.label.casefold(): (place, question, field)
        for place, (question, field) in enumerate(rows, start=1)
    }
    codes = {question.code for question, _ in rows}
    planned = []
    for position, field in enumerate(card.fields, start=1):
        found = by_label.pop(field.label.casefold(), None)
        planned.append(_planned(programme, field, found, position=position, codes=codes))
    asked = _asked_by_rules(programme)
    for _, question, _ in by_label.values():
        note = "The rules that are switched on ask for its answer." if question.code in asked else ""
        planned.append(Planned(question, "removed", note))
    now = _derived(programme) | programme.hub_texts
    changed = [name for name in TEXTS if now[name] != card.texts.get(name, "")]
    texts = {name: card.texts.get(name, "") for name in TEXTS}
    return Plan(planned, texts, changed, seen)


@transaction.atomic
def take_over(programme: Programme, card: Card, *, by: User, seen: str, address: str | None = None) -> Plan:
    """Give the programme the card's questions and texts; applications keep theirs as they were asked.

    `seen` is the plan's that was looked at. Raises LostRace when the questions have changed since.
    """
    row = Programme.objects.select_for_update(of=("self",), no_key=True).get(pk=programme.pk)
    done = plan(row, card)
    if done.seen != seen:
        raise LostRace(
            "questions_changed",
            "Somebody changed the questions meanwhile. Look at what would become of them now.",
        )
    if not done.changes_anything:
        raise Refusal("nothing_to_take_over", "The programme asks exactly this already.")
    gone = [one.question.pk for one in done.questions if one.change == "removed"]
    row.questions.filter(pk__in=gone).delete()
    for one in done.questions:
        if one.change != "removed":
            one.question.save()
    loosen_conditions(row)
    if not row.use_policy:
        row.use_policy = done.texts["extra_gated_prompt"]
    derived = _derived(row)
    row.hub_texts = {name: text for name, text in done.texts.items() if text != derived[name]}
    row.save(update_fields=["use_policy", "hub_texts"])
    facts = {one.question.code: one.change for one in done.questions if one.change != "kept"}
    record(
        Verb.QUESTIONS_IMPORTED,
        subject=row,
        by=by,
        data={"questions": facts, "texts": done.changed_texts},
        address=address,
    )
    return done


def _derived(programme: Programme) -> dict[str, str]:
    """The texts that a programme has without ever having taken over any."""
    return {
        "extra_gated_heading": f"Apply to {programme.name}",
        "extra_gated_prompt": programme.use_policy.strip(),
        "extra_gated_description": programme.summary.strip(),
        "extra_gated_button_content": "",
    }


def _fields_of(programme: Programme) -> list[tuple[Question, Field]]:
    """Each question with its field; labels are told apart, since on the Hub they are names."""
    rows: list[tuple[Question, Field]] = []
    labels: set[str] = set()
    for question in programme.questions.all():
        plain = label = " ".join(question.label.split())
        number = 1
        while label.casefold() in labels:
            number += 1
            label = f"{plain} ({number})"
        labels.add(label.casefold())
        rows.append((question, _field_of(question, label)))
    return rows


def _field_of(question: Question, label: str) -> Field:
    kept = question.hub_field or {}
    kind = kept.get("type", "")
    if kind not in _KIND_OF or not _fits(question, kind):
        kind = _TYPE_OF.get(question.kind, "text")
    if kind != "select":
        return Field(label, kind)
    values = kept.get("values", {})
    return Field(label, kind, tuple(Option(choice, values.get(choice, "")) for choice in question.choices))


def _fits(question: Question, kind: str) -> bool:
    """Whether a question of that kind may stay as it is when the Hub calls it `kind`."""
    if kind == "text":
        return question.kind not in _TYPE_OF
    return question.kind == _KIND_OF[kind][0]


def _planned(
    programme: Programme,
    field: Field,
    found: tuple[int, Question, Field] | None,
    *,
    position: int,
    codes: set[str],
) -> Planned:
    kind, help_text = _KIND_OF[field.type]
    note = _NOTES.get(field.type, "")
    if found is None:
        code = _code(field.label, codes)
        codes.add(code)
        made = Question(programme=programme, code=code, kind=kind, label=field.label, help_text=help_text)
        _take(made, field, position=position)
        return Planned(made, "new", note)
    place, question, now = found
    is_same = now == field and place == position
    if not _fits(question, field.type):
        question.kind, question.help_text = kind, help_text
    if now.label != field.label:
        question.label = field.label
    _take(question, field, position=position)
    return Planned(question, "kept" if is_same else "changed", note)


def _take(question: Question, field: Field, *, position: int) -> None:
    question.position = position
    question.choices = [option.label for option in field.options]
    values = {option.label: option.value for option in field.options if option.value}
    question.hub_field = {"type": field.type} | ({"values": values} if values else {})


def _code(label: str, taken: set[str]) -> str:
    """A code that is free, made of the label where it has letters for one."""
    base = slugify(label).replace("-", "_")[: CODE_CHARACTERS_MAX - 4].strip("_") or "question"
    code, number = base, 1
    while code in taken:
        number += 1
        code = f"{base}_{number}"
    return code


def _asked_by_rules(programme: Programme) -> set[str]:
    """The codes of the questions that the active rules ask for. One query."""
    rules = Rule.objects.filter(rule_set__programme=programme, rule_set__status=RuleSetStatus.ACTIVE)
    subjects = (one["subject"] for rule in rules for one in rule.conditions)
    return {name.removeprefix(matching.ANSWER) for name in subjects if name.startswith(matching.ANSWER)}


def _seen(questions: Sequence[Question]) -> str:
    """What tells these questions from any others."""
    plain = [
        [one.pk, one.position, one.code, one.kind, one.label, one.choices, one.hub_field] for one in questions
    ]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
