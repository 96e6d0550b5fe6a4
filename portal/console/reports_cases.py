"""Regression cases: made of an accepted report, listed by release, taken out as a suite, retired."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from playground.evaluations.models import Suite
from playground.reporting import actions, suites
from playground.reporting.models import RegressionCase, Report
from portal.accounts.roles import TRIAGE
from portal.accounts.sessions import current_user
from portal.common.keyset import page_of
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.reports import found_report
from portal.console.reports_forms import CaseForm, as_reported
from portal.releases.models import Release

PAGE_SIZE = 25


@require_safe
@staff_with(TRIAGE)
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """The cases, the oldest first, those of `?release=` alone if asked. Five queries, and the session's."""
    releases = list(Release.objects.filter(regression_cases__isnull=False).distinct().order_by("name"))
    chosen = next((one for one in releases if one.slug == request.GET.get("release")), None)
    cases = RegressionCase.objects.select_related("report", "release").prefetch_related("outcomes")
    suite_of_chosen = Suite.objects.filter(slug=suites.slug_of(chosen)).first() if chosen else None
    context = {
        "releases": releases,
        "chosen": chosen,
        "suite": suite_of_chosen,
        "page": page_of(
            cases.filter(release=chosen) if chosen else cases,
            by="made_at",
            before=request.GET.get("before", ""),
            after=request.GET.get("after", ""),
            size=PAGE_SIZE,
        ),
    }
    return render(request, "console/reports/cases.html", context)


@require_safe
@staff_with(TRIAGE)
@never_cache
def suite(_: HttpRequest, slug: str) -> HttpResponse:
    """The active cases of a release as JSON Lines."""
    release = get_object_or_404(Release, slug=slug)
    answer = HttpResponse(suites.suite_of(release), content_type="application/jsonl; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{suites.slug_of(release)}.jsonl"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(TRIAGE)
@never_cache
def new(request: HttpRequest, reference: str) -> HttpResponse:
    """Make a case of a report; what it asks and expects can be changed, and tried, before it is kept."""
    found = found_report(reference)
    form = CaseForm(request.POST or None, initial=as_reported(found))
    if "try" in request.POST:
        return _tried(request, found, form)
    if form.is_valid():
        by, address = current_user(request), client_address(request)
        try:
            case = actions.make_case(found, by=by, address=address, **form.facts())
        except Refusal as refusal:
            form.add_error(None, refusal.sentence)
        else:
            messages.success(request, f"{case.case_id} is kept. Every later revision is asked it.")
            return redirect("console:report", reference)
    status = INVALID if form.is_bound else 200
    return render(request, "console/reports/case.html", {"report": found, "form": form}, status=status)


def _tried(request: HttpRequest, found: Report, form: CaseForm) -> HttpResponse:
    """How an answer does on what is expected; nothing is kept."""
    grade = form.tried()
    context = {
        "report": found,
        "form": form,
        "is_trial": True,
        "grade": grade,
        "is_missed": grade is not None
        and grade.score == 1
        and form.cleaned_data["tried_on"].strip() == found.answer.strip(),
    }
    template = "console/reports/case.html#case-trial" if is_htmx(request) else "console/reports/case.html"
    return render(request, template, context, status=200 if grade else INVALID)


@require_POST
@staff_with(TRIAGE)
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Hold no later revision to a case any more."""
    case = get_object_or_404(RegressionCase.objects.select_related("report__release", "release"), pk=pk)
    actions.retire_case(case, by=current_user(request), address=client_address(request))
    messages.success(request, f"{case.case_id} is retired. No later revision is asked it.")
    return redirect("console:report", case.report.reference)
