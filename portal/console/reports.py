"""The triage queue of reports, one report, and the rates of incidents."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from playground.reporting import counting, timelines
from playground.reporting.models import Report
from portal.accounts.roles import TRIAGE
from portal.accounts.sessions import current_user
from portal.common.keyset import page_of
from portal.common.refusals import Refusal
from portal.common.statuses import INVALID
from portal.console.applications_filters import filters_of
from portal.console.gatekeeping import staff_with
from portal.console.reports_filters import ReportFilterForm
from portal.console.reports_forms import DecisionForm, FixForm, SeverityForm

PAGE_SIZE = 25
# What no row of the queue shows.
UNSEEN = ("messages", "parameters", "answer", "tool_calls")


@require_safe
@staff_with(TRIAGE)
@never_cache
def queue(request: HttpRequest) -> HttpResponse:
    """The reports that fit, the oldest first. Four queries, and the session's, however many there are."""
    form = ReportFilterForm(request.GET, by=current_user(request))
    context = {
        "form": form,
        "page": page_of(
            form.found().select_related("release", "assignee").defer(*UNSEEN),
            by="reported_at",
            before=request.GET.get("before", ""),
            after=request.GET.get("after", ""),
            size=PAGE_SIZE,
        ),
        "tabs": form.tabs(),
        "chosen": form.status_chosen,
        "query": filters_of(request.GET).urlencode(),
    }
    return render(request, "console/reports/queue.html", context)


@require_safe
@staff_with(TRIAGE)
@never_cache
def report(request: HttpRequest, reference: str) -> HttpResponse:
    """One report with everything that a decision needs. Eight queries at most, and the session's."""
    return report_page(request, found_report(reference))


@require_safe
@staff_with(TRIAGE)
@never_cache
def rates(request: HttpRequest) -> HttpResponse:
    """Incidents in a thousand answers, by release and by revision. Six queries, and the session's."""
    context = {
        "by_release": counting.rates_by_release(),
        "by_revision": counting.rates_by_revision(),
        "days": counting.RATES_DAYS,
    }
    return render(request, "console/reports/rates.html", context)


def found_report(reference: str) -> Report:
    """The report of a reference. Raises Http404."""
    everything = Report.objects.select_related("release", "reporter", "assignee")
    return get_object_or_404(everything, reference=reference)


def report_page(
    request: HttpRequest,
    found: Report,
    *,
    form: DecisionForm | None = None,
    fix_form: FixForm | None = None,
    refusal: Refusal | None = None,
    note: str = "",
) -> HttpResponse:
    """The page about one report, with what was typed and refused."""
    queue_form = ReportFilterForm(request.GET, by=current_user(request))
    cases = list(found.cases.select_related("report").prefetch_related("outcomes"))
    context: dict[str, Any] = {
        "report": found,
        "form": form or DecisionForm(),
        "fix_form": fix_form or FixForm(report=found),
        "severity_form": SeverityForm(initial={"severity": found.severity}),
        "entries": timelines.for_staff(found),
        "cases": cases,
        "has_active_case": any(case.is_active for case in cases),
        "triagers": queue_form.triagers,
        "following": _following(queue_form, found),
        "query": filters_of(request.GET).urlencode(),
        "refusal": refusal,
        "note": note,
    }
    is_wrong = any(one is not None and one.errors for one in (form, fix_form))
    status = refusal.status if refusal else INVALID if is_wrong else 200
    return render(request, "console/reports/report.html", context, status=status)


def _following(form: ReportFilterForm, found: Report) -> Report | None:
    """The next one in the list that the triager came from."""
    later = Q(reported_at__gt=found.reported_at) | Q(reported_at=found.reported_at, pk__gt=found.pk)
    rows = form.found().filter(later).order_by("reported_at", "pk")
    return rows.only("reference").first()
