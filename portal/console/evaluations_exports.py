"""An evaluation run as a file: JSON for programs, CSV for spreadsheets."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from playground.evaluations.models import EvaluationItem, EvaluationRun
from portal.common import spreadsheets, statements
from portal.common.streaming import PiecewiseResponse, download
from portal.console.evaluations import EVALUATE
from portal.console.gatekeeping import staff_with

ROWS_AT_ONCE = 500
HEADINGS = (
    "Case", "Category", "Status", "Score", "Why", "Prompt", "Answer", "Finish reason", "Prompt tokens",
    "Answer tokens", "Seconds", "Asked", "Graded by hand", "Note", "Error",
)  # fmt: skip


@require_safe
@staff_with(*EVALUATE)
def export(request: HttpRequest, pk: UUID, form: str) -> PiecewiseResponse:  # noqa: ARG001
    """Every case with its answer, sent as it is read."""
    run = get_object_or_404(EvaluationRun.objects.with_story(), pk=pk)
    name = f"{run.version.suite.slug}-{run.commit[:12]}-{str(run.pk)[:8]}.{form}"
    if form == "csv":
        return spreadsheets.answer(name, headings=HEADINGS, rows=_rows(run))
    if form == "json":
        return download(name, _pieces(run), content_type="application/json")
    raise Http404


def _items(run: EvaluationRun) -> Iterator[EvaluationItem]:
    found = run.items.select_related("case").order_by("case__number")
    return found.iterator(chunk_size=ROWS_AT_ONCE)


def _rows(run: EvaluationRun) -> Iterator[tuple[Any, ...]]:
    for item in _items(run):
        yield (
            *(item.case.case_id, item.case.category, item.status, item.score, item.reason),
            *(item.case.prompt, item.text, item.finish_reason, item.prompt_tokens, item.completion_tokens),
            *(item.seconds, item.attempts, "yes" if item.grader_id else "no", item.note, item.error),
        )


def _pieces(run: EvaluationRun) -> Iterator[str]:
    head = {
        "run": str(run.pk),
        "release": run.revision.release.hub_id,
        "commit": run.commit,
        "suite": run.version.suite.slug,
        "suite_version": run.version.number,
        "suite_sha256": run.version.sha256,
        "parameters": run.params,
        "server": run.server,
        "status": run.status,
        "result": run.result,
        "evaluation": run.evaluation_id,
        "created_at": run.created_at,
        "ended_at": run.ended_at,
    }
    yield statements.canonical(head)[:-1] + ',"cases":['
    for place, item in enumerate(_items(run)):
        yield ("," if place else "") + statements.canonical(_told(item))
    yield "]}\n"


def _told(item: EvaluationItem) -> dict[str, Any]:
    case = item.case
    return {
        "id": case.case_id,
        "category": case.category,
        "messages": case.messages,
        "expectation": case.expectation,
        "status": item.status,
        "answer": item.text,
        "finish_reason": item.finish_reason,
        "score": item.score,
        "reason": item.reason,
        "detail": item.detail,
        "prompt_tokens": item.prompt_tokens,
        "completion_tokens": item.completion_tokens,
        "seconds": item.seconds,
        "attempts": item.attempts,
        "graded_by_hand": item.grader_id is not None,
        "note": item.note,
        "error": item.error,
    }
