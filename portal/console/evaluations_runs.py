"""The staff's pages of evaluation runs: starting one, its progress, results and answers, its end."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from playground.evaluations import actions, comparing, metrics, server
from playground.evaluations.models import EvaluationItem, EvaluationRun, ItemStatus, RunStatus
from portal.accounts.sessions import current_user
from portal.common import charts
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.common.statuses import INVALID
from portal.console.evaluations import EVALUATE
from portal.console.evaluations_forms import RunForm
from portal.console.gatekeeping import staff_with

PAGE_SIZE = 50
# What the list of answers may be narrowed to.
OUTCOMES = {
    "": "All",
    "met": "Meets the expectation",
    "unmet": "Does not meet it",
    "ungraded": "Waits for a grade",
    "failed": "No answer",
}
_FILTERS: dict[str, dict[str, Any]] = {
    "met": {"status": ItemStatus.SCORED, "score": 1},
    "unmet": {"status": ItemStatus.SCORED, "score__lt": 1},
    "ungraded": {"status": ItemStatus.ANSWERED},
    "failed": {"status": ItemStatus.FAILED},
}


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(*EVALUATE)
def new(request: HttpRequest) -> HttpResponse:
    """Start a run."""
    asked = {name: request.GET[name] for name in ("revision", "version") if name in request.GET}
    form = RunForm(request.POST or None, initial=asked)
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        try:
            made = actions.start_run(
                facts["revision"],
                facts["version"],
                params=form.params(),
                concurrency=facts["concurrency"],
                by=current_user(request),
                address=client_address(request),
            )
        except Refusal as refusal:
            form.add_error(None, refusal.sentence)
            context = {"form": form, "remedy": refusal.remedy}
            return render(request, "console/evaluations/new_run.html", context, status=refusal.status)
        return redirect(made)
    status = INVALID if request.method == "POST" else 200
    return render(request, "console/evaluations/new_run.html", {"form": form}, status=status)


@require_safe
@staff_with(*EVALUATE)
@never_cache
def run(request: HttpRequest, pk: UUID) -> HttpResponse:
    """How far a run is, what it found, and its answers. Eleven queries at most and the session's."""
    found = _found(pk)
    context = _progress(found)
    rates = metrics.rates_of(found)
    whole = metrics.whole(rates)
    outcome, category = request.GET.get("outcome", ""), request.GET.get("category", "").replace("\x00", "")
    items = _items(found, outcome=outcome, category=category)
    context |= {
        "bars": charts.of_rates({"All": whole, **rates} if len(rates) > 1 else rates),
        "whole": whole,
        "comparison": comparing.with_run_before(found) if found.status == RunStatus.DONE else None,
        "outcomes": OUTCOMES,
        "outcome": outcome,
        "category": category,
        "page": Paginator(items, PAGE_SIZE).get_page(request.GET.get("page")),
        "caveat": server.caveat(found.server) if found.server else "",
    }
    return render(request, "console/evaluations/run.html", context)


@require_safe
@staff_with(*EVALUATE)
@never_cache
def progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """How far a run is, which its page asks every two seconds; the end brings the whole page anew."""
    if not is_htmx(request):
        return redirect("console:evaluation_run", pk)
    found = _found(pk)
    if not found.is_worked_on:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "console/evaluations/run.html#evaluation-progress", _progress(found))


@require_safe
@staff_with(*EVALUATE)
def answer(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """What the model said to one case, and how it scored."""
    found = _found(pk)
    items = found.items.select_related("case", "grader", "run")
    item = get_object_or_404(items, case__number=number)
    logprobs = sorted(item.detail.get("logprobs", {}).items(), key=lambda pair: -pair[1])
    context = {"run": found, "item": item, "logprobs": logprobs, "total": found.version.case_count}
    return render(request, "console/evaluations/answer.html", context)


@require_POST
@staff_with(*EVALUATE)
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End a run without a result."""
    actions.cancel(_found(pk), by=current_user(request), address=client_address(request))
    messages.success(request, "Cancelled. What was answered can be read; it is no result.")
    return redirect("console:evaluation_run", pk)


@require_POST
@staff_with(*EVALUATE)
def retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask the cases again that have no answer."""
    count = actions.retry(_found(pk), by=current_user(request), address=client_address(request))
    messages.success(request, f"{count:,} case{'' if count == 1 else 's'} will be asked again.")
    return redirect("console:evaluation_run", pk)


@require_POST
@staff_with(*EVALUATE)
def record(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have the result of a graded run signed."""
    actions.record_result(_found(pk), by=current_user(request), address=client_address(request))
    messages.success(request, "The result is signed and recorded.")
    return redirect("console:evaluation_run", pk)


def _found(pk: UUID) -> EvaluationRun:
    return get_object_or_404(EvaluationRun.objects.with_story(), pk=pk)


def _progress(found: EvaluationRun) -> dict[str, Any]:
    told = metrics.progress_of(found)
    can_record = found.status == RunStatus.GRADING and not told.ungraded
    return {"run": found, "progress": told, "can_record": can_record}


def _items(found: EvaluationRun, *, outcome: str, category: str) -> QuerySet[EvaluationItem]:
    items = found.items.select_related("case", "grader").order_by("case__number")
    items = items.filter(**_FILTERS.get(outcome, {}))
    return items.filter(case__category=category) if category else items
