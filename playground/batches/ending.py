"""A batch's way from one state to the next, and the files that it leaves behind."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from playground.batches import answers, storage
from playground.batches.models import (
    MOVES,
    ApiFile,
    Batch,
    BatchLine,
    BatchStatus,
    LineStatus,
    Purpose,
    new_file_id,
)
from playground.batches.turns import Turn
from playground.batches.validating import Fault, Reading
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

LINES_AT_ONCE = 1000


@transaction.atomic
def begin(batch: Batch, reading: Reading) -> None:
    """The file is right: write its lines down. Raises LostRace when the batch was cancelled meanwhile."""
    BatchLine.objects.bulk_create(reading.lines, batch_size=LINES_AT_ONCE)
    move(
        batch,
        BatchStatus.IN_PROGRESS,
        moves=MOVES,
        release=reading.release,
        total_count=len(reading.lines),
        in_progress_at=timezone.now(),
    )


@transaction.atomic
def reject(batch: Batch, faults: list[Fault]) -> None:
    """The file is wrong: end the batch with the reasons. Raises LostRace as `begin` does."""
    _end(batch, BatchStatus.FAILED, errors=[fault.told() for fault in faults])


@transaction.atomic
def lapse(batch: Batch) -> None:
    """Nobody read the file in time. Raises LostRace as `begin` does."""
    _end(batch, BatchStatus.EXPIRED)


@transaction.atomic
def finalise(batch: Batch, *, ends_as: BatchStatus, refusal: Refusal | None = None) -> None:
    """No more lines are to be asked. Raises LostRace when the batch was cancelled meanwhile."""
    errors = [Fault(refusal.code, refusal.sentence).told()] if refusal else []
    move(
        batch,
        BatchStatus.FINALIZING,
        moves=MOVES,
        ends_as=ends_as,
        errors=errors,
        finalizing_at=timezone.now(),
    )


def conclude(batch: Batch, turn: Turn) -> bool:
    """Write the files of a batch that is finalizing or cancelling, and end it.

    Each line stands in one of the two files. False when the batch is another worker's by now.
    """
    is_cancelled = batch.status == BatchStatus.CANCELLING
    ends_as = BatchStatus.CANCELLED if is_cancelled else BatchStatus(batch.ends_as)
    written = {
        "output_file": _written(batch, _answered(batch)),
        "error_file": _written(batch, _unanswered(batch, _reason(batch, ends_as))),
    }
    with transaction.atomic():
        row = Batch.objects.select_for_update().get(pk=batch.pk)
        is_ours = row.runner == turn.runner and row.status == batch.status
        if is_ours:
            for file in filter(None, written.values()):
                file.save(force_insert=True)
            unasked_count = row.total_count - row.completed_count
            _end(row, ends_as, failed_count=unasked_count, **written)
            row.lines.all().delete()
    if not is_ours:
        for file in filter(None, written.values()):
            storage.remove(file.pk)
    return is_ours


def _end(row: Batch, to: BatchStatus, **changes: Any) -> None:
    move(row, to, moves=MOVES, ended_at=timezone.now(), **changes)
    record(
        Verb.BATCH_ENDED,
        subject=row,
        by=None,
        data={
            "status": to,
            "total": row.total_count,
            "completed": row.completed_count,
            "failed": row.failed_count,
            "prompt_tokens": row.prompt_tokens,
            "completion_tokens": row.completion_tokens,
            "error": row.errors[0]["code"] if row.errors else "",
        },
    )


def _reason(batch: Batch, ends_as: BatchStatus) -> tuple[str, str]:
    """The code and the sentence for lines that were not asked."""
    if batch.errors:
        return batch.errors[0]["code"], batch.errors[0]["message"]
    return answers.UNASKED.get(ends_as, answers.WORKER_LOST)


def _answered(batch: Batch) -> Iterator[str]:
    done = batch.lines.filter(status=LineStatus.DONE).order_by("number").values_list("result", flat=True)
    yield from done.iterator(chunk_size=LINES_AT_ONCE)


def _unanswered(batch: Batch, reason: tuple[str, str]) -> Iterator[str]:
    code, message = reason
    others = batch.lines.exclude(status=LineStatus.DONE).order_by("number")
    for custom_id, result in others.values_list("custom_id", "result").iterator(chunk_size=LINES_AT_ONCE):
        yield result or answers.error_line(custom_id, code=code, message=message)


def _written(batch: Batch, lines: Iterator[str]) -> ApiFile | None:
    """A file of `lines`, not yet saved; None when there are none."""
    first = next(lines, None)
    if first is None:
        return None
    file_id, now = new_file_id(), timezone.now()
    size_bytes = storage.write(file_id, _encoded(first, lines))
    return ApiFile(
        pk=file_id,
        user_id=batch.user_id,
        service_account_id=batch.service_account_id,
        purpose=Purpose.BATCH_OUTPUT,
        filename=f"{batch.pk}.jsonl",
        size_bytes=size_bytes,
        created_at=now,
        expires_at=now + timedelta(seconds=batch.output_seconds),
    )


def _encoded(first: str, lines: Iterator[str]) -> Iterator[bytes]:
    yield f"{first}\n".encode()
    for line in lines:
        yield f"{line}\n".encode()
