"""Files and batches as OpenAI's API has them: https://platform.openai.com/docs/api-reference/batch/object."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from playground.batches.models import ApiFile, Batch, BatchStatus

T = TypeVar("T", ApiFile, Batch)


def file_object(file: ApiFile) -> dict[str, Any]:
    """OpenAI's `file`."""
    return {
        "id": file.pk,
        "object": "file",
        "bytes": file.size_bytes,
        "created_at": _seconds(file.created_at),
        "expires_at": _seconds(file.expires_at),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def batch_object(batch: Batch) -> dict[str, Any]:
    """OpenAI's `batch`; its release, when it is known, must be loaded."""
    ended = {f"{status}_at": _seconds(batch.ended_at if batch.status == status else None) for status in _ENDS}
    return {
        "id": batch.pk,
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": batch.release.slug if batch.release else None,
        "errors": {"object": "list", "data": batch.errors} if batch.errors else None,
        "input_file_id": batch.input_file_id,
        "completion_window": batch.completion_window,
        "status": batch.status,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        "created_at": _seconds(batch.created_at),
        "in_progress_at": _seconds(batch.in_progress_at),
        "expires_at": _seconds(batch.expires_at),
        "finalizing_at": _seconds(batch.finalizing_at),
        "cancelling_at": _seconds(batch.cancelling_at),
        **ended,
        "request_counts": {
            "total": batch.total_count,
            "completed": batch.completed_count,
            "failed": batch.failed_count,
        },
        "usage": {
            "input_tokens": batch.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": batch.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": batch.prompt_tokens + batch.completion_tokens,
        },
        "metadata": batch.metadata,
    }


def list_object(rows: Sequence[T], *, limit: int, shape: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    """OpenAI's `list` of the first `limit` of `rows`, one more of which shows that there are more."""
    shown = rows[:limit]
    return {
        "object": "list",
        "data": [shape(row) for row in shown],
        "first_id": shown[0].pk if shown else None,
        "last_id": shown[-1].pk if shown else None,
        "has_more": len(rows) > limit,
    }


_ENDS = (BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.EXPIRED, BatchStatus.CANCELLED)


def _seconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None
