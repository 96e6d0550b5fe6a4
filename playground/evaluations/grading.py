"""Grading by hand, blind: the next answer without its run, a verdict, and taking one's own verdict back."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from playground.evaluations.models import EvaluationItem, EvaluationRun, ItemStatus, RunStatus, Verdict
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.common.transitions import LostRace
from portal.ledger.actions import record
from portal.ledger.verbs import Verb


@dataclass(frozen=True)
class Pile:
    """How many answers wait for a grade, and how many of the same runs have got one."""

    waiting: int
    graded: int

    @property
    def total(self) -> int:
        """All that are to be graded by hand."""
        return self.waiting + self.graded


def next_answer() -> EvaluationItem | None:
    """An answer that waits for a grade, in an order that says nothing of the run it is from. One query."""
    return _waiting().order_by("pk").first()


def waiting_answer(pk: str) -> EvaluationItem | None:
    """The answer with this id, if it waits for a grade. One query at most."""
    try:
        return _waiting().filter(pk=UUID(pk)).first()
    except ValueError:
        return None


def pile() -> Pile:
    """How far the grading is. Two queries."""
    of_open = EvaluationItem.objects.filter(run__status=RunStatus.GRADING)
    waiting = of_open.filter(status=ItemStatus.ANSWERED).count()
    return Pile(waiting, of_open.filter(status=ItemStatus.SCORED, grader__isnull=False).count())


@transaction.atomic
def grade(
    item: EvaluationItem, *, verdict: Verdict, note: str = "", by: User, address: str | None = None
) -> None:
    """Give an answer its score. Raises LostRace when somebody graded it first, or its run has ended."""
    run = EvaluationRun.objects.select_for_update().get(pk=item.run_id)
    waiting = EvaluationItem.objects.filter(pk=item.pk, status=ItemStatus.ANSWERED)
    is_open = run.status == RunStatus.GRADING
    score = 1.0 if verdict == Verdict.MEETS else 0.0
    changes = {"score": score, "grader": by, "graded_at": timezone.now(), "note": note.strip()}
    if not is_open or not waiting.update(status=ItemStatus.SCORED, **changes):
        raise LostRace(
            "answer_graded", "Somebody else graded that answer a moment ago. Here is the next one."
        )
    data = {"verdict": verdict, "run": str(run.pk), "case": item.case.case_id}
    record(Verb.EVALUATION_ANSWER_GRADED, subject=item, by=by, data=data, address=address)


def last_of(user: User) -> EvaluationItem | None:
    """The answer that `user` graded last and may still take back: its run's result is not recorded yet."""
    mine = EvaluationItem.objects.filter(grader=user, run__status=RunStatus.GRADING)
    return mine.select_related("case").order_by("-graded_at").first()


@transaction.atomic
def undo(*, by: User, address: str | None = None) -> EvaluationItem:
    """Take one's own last verdict back. Raises Refusal `nothing_to_undo`."""
    item = last_of(by)
    if item is not None:
        run = EvaluationRun.objects.select_for_update().get(pk=item.run_id)
        mine = EvaluationItem.objects.filter(pk=item.pk, grader=by, status=ItemStatus.SCORED)
        emptied = {"score": None, "grader": None, "graded_at": None, "note": ""}
        if run.status == RunStatus.GRADING and mine.update(status=ItemStatus.ANSWERED, **emptied):
            data = {"run": str(run.pk), "case": item.case.case_id}
            record(Verb.EVALUATION_GRADE_UNDONE, subject=item, by=by, data=data, address=address)
            return item
    raise Refusal("nothing_to_undo", "There is no verdict of yours to take back: recorded results are final.")


def _waiting() -> QuerySet[EvaluationItem]:
    waiting = EvaluationItem.objects.filter(status=ItemStatus.ANSWERED, run__status=RunStatus.GRADING)
    return waiting.select_related("case")
