"""Deciding on many applications: choosing, the preview of exactly who is touched, and the progress."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.roles import REVIEW
from portal.accounts.sessions import current_user
from portal.admissions.bulk import actions as bulk
from portal.admissions.bulk import work as bulk_work
from portal.admissions.models import Application, ApplicationQuerySet, BulkDecision, ItemOutcome
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.common.statuses import INVALID
from portal.common.storable import is_storable
from portal.console.applications_filters import QueueForm
from portal.console.bulk_forms import BulkForm
from portal.console.gatekeeping import staff_with

PAGE_SIZE = 100
RECENT = 10


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(REVIEW)
@never_cache
def choose(request: HttpRequest) -> HttpResponse:
    """Decide what to do with those that were chosen by `reference`, or else found by the queue's filters."""
    chosen = _chosen(request)
    form = BulkForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _choice(request, chosen, form, status=INVALID if request.method == "POST" else 200)
    try:
        prepared = bulk.prepare(
            chosen, by=current_user(request), address=client_address(request), **form.cleaned_data
        )
    except Refusal as refusal:
        form.add_error(None, refusal.sentence)
        return _choice(request, chosen, form, status=refusal.status)
    return redirect(prepared)


@require_safe
@staff_with(REVIEW)
@never_cache
def decision(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Who is touched, and how far it is; for htmx the progress alone."""
    found = _own(request, pk)
    counts = found.count_by_outcome()
    items = found.items.select_related("application__applicant", "application__programme")
    if shown := request.GET.get("outcome", ""):
        items = items.filter(outcome=shown if shown in ItemOutcome.values else ItemOutcome.PENDING)
    context = {
        "bulk": found,
        "total": sum(counts.values()),
        "counts": [(value, label, counts.get(value, 0)) for value, label in ItemOutcome.choices],
        "ended": sum(counts.values()) - counts.get(ItemOutcome.PENDING, 0),
        "page": Paginator(items, PAGE_SIZE).get_page(request.GET.get("page")),
        "chosen": shown,
    }
    fragment = "#progress" if is_htmx(request) else ""
    return render(request, f"console/applications/bulk.html{fragment}", context)


@require_POST
@staff_with(REVIEW)
def begin(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Carry it out."""
    begun = bulk.begin(_own(request, pk), by=current_user(request), address=client_address(request))
    return redirect(begun)


@require_POST
@staff_with(REVIEW)
def stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Decide on no more of them."""
    stopped = bulk_work.stop(_own(request, pk), by=current_user(request), address=client_address(request))
    messages.success(request, "Stopped. What was decided before stays so.")
    return redirect(stopped)


def _chosen(request: HttpRequest) -> ApplicationQuerySet:
    if "reference" in request.GET:
        references = [one for one in request.GET.getlist("reference") if is_storable(one)]
        return Application.objects.received().filter(reference__in=references[: bulk.ITEMS_MAX])
    return QueueForm(request.GET, reviewer=current_user(request)).found()


def _choice(
    request: HttpRequest, chosen: ApplicationQuerySet, form: BulkForm, *, status: int
) -> HttpResponse:
    context = {
        "form": form,
        "number": chosen.count(),
        "query": request.GET.urlencode(),
        "recent": BulkDecision.objects.visible_to(current_user(request))[:RECENT],
    }
    return render(request, "console/applications/bulk_choice.html", context, status=status)


def _own(request: HttpRequest, pk: UUID) -> BulkDecision:
    return get_object_or_404(BulkDecision.objects.visible_to(current_user(request)), pk=pk)
