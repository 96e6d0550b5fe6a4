"""Everything that changes a programme: whether it is open, its terms, questions and rubric."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max

from portal.accounts.models import User
from portal.admissions.applications.correcting import hold_waiting, search_anew
from portal.admissions.models import Criterion, Programme, Proposal, Question
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Release


@transaction.atomic
def open_programme(programme: Programme, *, by: User | None, address: str | None = None) -> bool:
    """Let people apply; False when they could already."""
    return _turn(programme, is_open=True, verb=Verb.PROGRAMME_OPENED, by=by, address=address)


@transaction.atomic
def close_programme(programme: Programme, *, by: User | None, address: str | None = None) -> bool:
    """Take no more applications; False when none were taken already. Drafts stay, unsent."""
    return _turn(programme, is_open=False, verb=Verb.PROGRAMME_CLOSED, by=by, address=address)


@transaction.atomic
def create_programme(
    fields: Mapping[str, Any], *, releases: Iterable[Release], by: User, address: str | None = None
) -> Programme:
    """Make a programme, closed and without questions. Raises ValidationError."""
    made = Programme(**fields)
    made.full_clean()
    made.save()
    made.releases.set(releases)
    record(Verb.PROGRAMME_CREATED, subject=made, by=by, address=address)
    return made


@transaction.atomic
def change_programme(
    programme: Programme,
    fields: Mapping[str, Any],
    *,
    releases: Iterable[Release],
    by: User,
    address: str | None = None,
) -> Programme:
    """Give it other terms; the ledger names those that changed. Raises ValidationError."""
    if fields.get("is_blind", programme.is_blind) != programme.is_blind:
        # Applications are locked before their programme, as every decision does.
        hold_waiting(programme)
    row = _locked(programme)
    changed = sorted(name for name, value in fields.items() if getattr(row, name) != value)
    for name in changed:
        setattr(row, name, fields[name])
    row.full_clean()
    row.save()
    chosen = {release.pk for release in releases}
    if chosen != set(row.releases.values_list("pk", flat=True)):
        row.releases.set(chosen)
        changed.append("releases")
    if "needs_second_reviewer" in changed:
        # Else one from before would count as half of a decision, should the rule come back.
        Proposal.objects.filter(application__programme=row).delete()
    if "is_blind" in changed:
        search_anew(row)
    if changed:
        record(Verb.PROGRAMME_CHANGED, subject=row, by=by, data={"changes": changed}, address=address)
    return row


@transaction.atomic
def save_question(
    programme: Programme,
    question: Question | None,
    fields: Mapping[str, Any],
    *,
    by: User,
    address: str | None = None,
) -> Question:
    """Ask one more (None), last of all, or ask `question` differently. Raises Refusal and ValidationError."""
    row = _locked(programme)
    position = (row.questions.aggregate(last=Max("position"))["last"] or 0) + 1
    saved = question or Question(programme=row, position=position)
    for name, value in fields.items():
        setattr(saved, name, value)
    saved.full_clean()
    _require_condition(saved, [one for one in row.questions.all() if one.position < saved.position])
    saved.save()
    _record(row, "question_changed" if question else "question_added", saved, by=by, address=address)
    return saved


@transaction.atomic
def remove_question(question: Question, *, by: User, address: str | None = None) -> None:
    """Ask it no more; refused while another question depends on it."""
    programme = _locked(question.programme)
    if dependent := programme.questions.filter(shown_if_code=question.code).first():
        raise Refusal(
            "question_needed",
            f"“{dependent.label}” is asked only after this one. Change that question first.",
        )
    _record(programme, "question_removed", question, by=by, address=address)
    question.delete()


@transaction.atomic
def move_question(question: Question, *, up: bool, by: User, address: str | None = None) -> None:
    """Ask it one place earlier or later; at the end of the list nothing happens."""
    programme = _locked(question.programme)
    questions = list(programme.questions.all())
    here = next(index for index, one in enumerate(questions) if one.pk == question.pk)
    there = here - 1 if up else here + 1
    if not 0 <= there < len(questions):
        return
    questions[here], questions[there] = questions[there], questions[here]
    for index, one in enumerate(questions):
        _require_condition(one, questions[:index])
        one.position = index + 1
    Question.objects.bulk_update(questions, ["position"])
    _record(programme, "question_moved", question, by=by, address=address)


@transaction.atomic
def save_criterion(
    programme: Programme,
    criterion: Criterion | None,
    fields: Mapping[str, Any],
    *,
    by: User,
    address: str | None = None,
) -> Criterion:
    """Score one thing more (None), or by other words; scores that were given stay. Raises ValidationError."""
    row = _locked(programme)
    saved = criterion or Criterion(programme=row, position=row.criteria.count() + 1)
    for name, value in fields.items():
        setattr(saved, name, value)
    saved.full_clean()
    saved.save()
    facts = {"changes": ["criterion_changed" if criterion else "criterion_added"], "criterion": saved.label}
    record(Verb.PROGRAMME_CHANGED, subject=row, by=by, data=facts, address=address)
    return saved


@transaction.atomic
def remove_criterion(criterion: Criterion, *, by: User, address: str | None = None) -> None:
    """Score it no more; refused once it was, since the means would change behind everybody's back."""
    row = _locked(criterion.programme)
    if criterion.scores.exists():
        raise Refusal("criterion_scored", f"“{criterion.label}” has been scored, and stays in the rubric.")
    facts = {"changes": ["criterion_removed"], "criterion": criterion.label}
    record(Verb.PROGRAMME_CHANGED, subject=row, by=by, data=facts, address=address)
    criterion.delete()


def loosen_conditions(programme: Programme) -> None:
    """Ask always what depends on a question that is gone or stands behind it, once others replaced it."""
    before: set[str] = set()
    for question in programme.questions.order_by("position", "pk"):
        if question.shown_if_code and question.shown_if_code not in before:
            question.shown_if_code = question.shown_if_answer = ""
            question.save(update_fields=["shown_if_code", "shown_if_answer"])
        before.add(question.code)


def _require_condition(question: Question, before: Iterable[Question]) -> None:
    """A condition names a question that is asked `before`."""
    if question.shown_if_code and question.shown_if_code not in {one.code for one in before}:
        raise Refusal(
            "condition_not_before",
            f"“{question.label}” depends on “{question.shown_if_code}”, which must be asked before it.",
            status=422,
        )


def _locked(programme: Programme) -> Programme:
    return Programme.objects.select_for_update(no_key=True).get(pk=programme.pk)


def _record(programme: Programme, change: str, question: Question, *, by: User, address: str | None) -> None:
    facts = {"changes": [change], "question": question.code}
    record(Verb.PROGRAMME_CHANGED, subject=programme, by=by, data=facts, address=address)


def _turn(programme: Programme, *, is_open: bool, verb: Verb, by: User | None, address: str | None) -> bool:
    if not Programme.objects.filter(pk=programme.pk, is_open=not is_open).update(is_open=is_open):
        return False
    programme.is_open = is_open
    record(verb, subject=programme, by=by, address=address)
    return True
