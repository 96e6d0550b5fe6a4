"""One case's way through a run: claimed before it is asked, and settled once, with its answer and score."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from playground.evaluations.asking import Faulty, Reply
from playground.evaluations.matchers import Grade
from playground.evaluations.models import EvaluationItem, EvaluationRun, ItemStatus, RunStatus

# With a growing pause in front of each; a server that fails on one prompt four times does so for ever.
FAULTS_MAX = 4
PAUSE_SECONDS = 2
UNSETTLED = (ItemStatus.WAITING, ItemStatus.OUT)


@dataclass(frozen=True)
class Claim:
    """A case that one turn may ask, and nobody else until that turn gives it back or dies."""

    item_id: UUID
    runner: UUID
    messages: list[dict[str, str]]
    expectation: dict[str, Any]
    parameters: dict[str, Any]
    faults: int


@transaction.atomic
def claim(run_id: UUID, *, runner: UUID) -> Claim | None:
    """Take the next case that may be asked now; None when there is none, or the turn is over.

    The lock on the run makes it certain that no other worker has taken the run meanwhile.
    """
    runs = EvaluationRun.objects.select_for_update(no_key=True)
    if not runs.filter(pk=run_id, runner=runner, status=RunStatus.RUNNING).exists():
        return None
    waiting = EvaluationItem.objects.filter(run=run_id, status=ItemStatus.WAITING)
    due = waiting.filter(not_before__lte=timezone.now()).select_related("case").order_by("case__number")
    item = due.first()
    if item is None:
        return None
    EvaluationItem.objects.filter(pk=item.pk).update(
        status=ItemStatus.OUT, runner=runner, attempts=F("attempts") + 1
    )
    case = item.case
    return Claim(item.pk, runner, case.messages, case.expectation, case.parameters, item.faults)


def is_any_waiting(run_id: UUID) -> bool:
    """Whether there are cases yet to be asked, now or later."""
    return EvaluationItem.objects.filter(run=run_id, status=ItemStatus.WAITING).exists()


def settle(claimed: Claim, reply: Reply, grade: Grade) -> bool:
    """Store an answer and its score. False when the case is not this turn's any more."""
    is_scored = grade.score is not None
    return bool(
        _out(claimed).update(
            status=ItemStatus.SCORED if is_scored else ItemStatus.ANSWERED,
            text=reply.answer.text,
            finish_reason=reply.answer.finish_reason,
            detail=reply.detail,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            seconds=reply.seconds,
            score=grade.score,
            reason=grade.reason,
            error="",
        )
    )


def note_fault(claimed: Claim, faulty: Faulty) -> bool:
    """The server failed on the case: ask it again later, or give it up. False as for `settle`."""
    faults = claimed.faults + 1
    if faulty.is_final or faults >= FAULTS_MAX:
        given_up = {"status": ItemStatus.FAILED, "faults": faults, "error": faulty.sentence[:500]}
        return bool(_out(claimed).update(**given_up))
    later = timezone.now() + timedelta(seconds=PAUSE_SECONDS**faults)
    return bool(
        _out(claimed).update(
            status=ItemStatus.WAITING,
            runner=None,
            faults=faults,
            not_before=later,
            error=faulty.sentence[:500],
        )
    )


def give_back(claimed: Claim) -> bool:
    """Let a case that this turn has out wait again. False as for `settle`."""
    return bool(_out(claimed).update(status=ItemStatus.WAITING, runner=None))


def free_those_out(run_id: UUID) -> int:
    """Let all cases that are out wait again, since their turn is over; later answers are refused."""
    left = EvaluationItem.objects.filter(run=run_id, status=ItemStatus.OUT)
    return left.update(status=ItemStatus.WAITING, runner=None)


def _out(claimed: Claim) -> "QuerySet[EvaluationItem]":
    return EvaluationItem.objects.filter(pk=claimed.item_id, status=ItemStatus.OUT, runner=claimed.runner)
