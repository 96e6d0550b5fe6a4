"""One line's way: claimed before it is sent, and settled in one transaction with its answer."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from playground.batches import answers
from playground.batches.answers import Answer, Verdict
from playground.batches.models import Batch, BatchLine, BatchStatus, LineStatus
from playground.gateway.metering import Used

# With a growing pause in front of each; an engine that fails on one line four times does so for ever.
ATTEMPTS_MAX = 4
PAUSE_SECONDS = 2


@dataclass(frozen=True)
class Claim:
    """A line that one turn may send, and nobody else ever again unless that turn gives it back."""

    line_id: int
    batch_id: str
    runner: UUID
    custom_id: str
    offset: int
    size_bytes: int
    attempts: int


@transaction.atomic
def claim(batch_id: str, *, runner: UUID) -> Claim | None:
    """Take the next line that may be sent now; None when there is none, or the turn is over.

    The lock on the batch makes it certain that no other worker has taken the batch meanwhile.
    """
    rows = Batch.objects.select_for_update(no_key=True)
    if not rows.filter(pk=batch_id, runner=runner, status=BatchStatus.IN_PROGRESS).exists():
        return None
    waiting = BatchLine.objects.filter(batch=batch_id, status=LineStatus.WAITING)
    line = waiting.filter(not_before__lte=timezone.now()).order_by("number").first()
    if line is None:
        return None
    BatchLine.objects.filter(pk=line.pk).update(status=LineStatus.OUT, runner=runner)
    return Claim(
        line.pk, batch_id, runner, line.custom_id, line.offset, line.size_bytes, attempts=line.attempts
    )


def is_any_waiting(batch_id: str) -> bool:
    """Whether there are lines yet to be sent, now or later."""
    return BatchLine.objects.filter(batch=batch_id, status=LineStatus.WAITING).exists()


def is_any_unsettled(batch_id: str) -> bool:
    """Whether there are lines without an end: yet to be sent, or out."""
    return BatchLine.objects.filter(batch=batch_id, status__in=[LineStatus.WAITING, LineStatus.OUT]).exists()


def take_in(claimed: Claim, answer: Answer) -> bool:
    """Settle a line by its answer, or have it asked again. False when it is not this turn's any more."""
    if answer.verdict is Verdict.NOT_NOW:
        return give_back(claimed)
    attempts = claimed.attempts + 1
    if answer.verdict is Verdict.FAILED and attempts < ATTEMPTS_MAX:
        return give_back(claimed, attempts=attempts, pause_seconds=PAUSE_SECONDS**attempts)
    status = LineStatus.DONE if answer.verdict is Verdict.ANSWERED else LineStatus.FAILED
    result = answers.response_line(claimed.custom_id, answer)
    return settle(claimed, status=status, result=result, used=answer.used)


def give_back(claimed: Claim, *, attempts: int | None = None, pause_seconds: float = 0) -> bool:
    """Let a line that this turn has out wait again. False as for `take_in`."""
    return bool(
        _out(claimed).update(
            status=LineStatus.WAITING,
            runner=None,
            attempts=claimed.attempts if attempts is None else attempts,
            not_before=timezone.now() + timedelta(seconds=pause_seconds),
        )
    )


@transaction.atomic
def settle(claimed: Claim, *, status: LineStatus, result: str, used: Used) -> bool:
    """Store a line's end and count it. False as for `take_in`."""
    if not _out(claimed).update(status=status, result=result):
        return False
    counted = "completed_count" if status == LineStatus.DONE else "failed_count"
    Batch.objects.filter(pk=claimed.batch_id).update(
        **{counted: F(counted) + 1},
        prompt_tokens=F("prompt_tokens") + used.prompt_tokens,
        completion_tokens=F("completion_tokens") + used.completion_tokens,
    )
    return True


@transaction.atomic
def settle_of_dead_workers(batch_id: str, *, runner: UUID) -> int:
    """End the lines that turns before `runner`'s left out: nobody knows whether they were answered."""
    code, message = answers.WORKER_LOST
    left = BatchLine.objects.filter(batch=batch_id, status=LineStatus.OUT).exclude(runner=runner)
    count = 0
    for line in left:
        line.status = LineStatus.FAILED
        line.result = answers.error_line(line.custom_id, code=code, message=message)
        line.save(update_fields=["status", "result"])
        count += 1
    Batch.objects.filter(pk=batch_id).update(failed_count=F("failed_count") + count)
    return count


def _out(claimed: Claim) -> "QuerySet[BatchLine]":
    return BatchLine.objects.filter(pk=claimed.line_id, status=LineStatus.OUT, runner=claimed.runner)
