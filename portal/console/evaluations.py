"""The staff's pages of evaluation suites: the list with the newest runs, one suite, adding a version."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Max, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from playground.evaluations import actions, grading, shipped
from playground.evaluations.expectations import KINDS
from playground.evaluations.models import EvaluationRun, Suite, SuiteVersion
from portal.accounts.sessions import current_user
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.evaluations_forms import SuiteForm
from portal.console.gatekeeping import staff_with

# Whoever manages releases evaluates them, and so does whoever signs for their safety.
EVALUATE = ("releases.manage_release", "releases.sign_off")
RUNS_SHOWN = 20
PAGE_SIZE = 50


@require_safe
@staff_with(*EVALUATE)
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """The suites and the newest runs. Five queries and the session's."""
    newest = SuiteVersion.objects.filter(suite=OuterRef("pk")).order_by("-number")
    suites = Suite.objects.annotate(
        newest_number=Subquery(newest.values("number")[:1]),
        case_count=Subquery(newest.values("case_count")[:1]),
        run_count=Count("versions__runs"),
        last_run_at=Max("versions__runs__created_at"),
    )
    runs = EvaluationRun.objects.with_story()[:RUNS_SHOWN]
    context = {"suites": suites, "runs": runs, "runs_shown": RUNS_SHOWN, "pile": grading.pile()}
    return render(request, "console/evaluations/index.html", context)


@require_safe
@staff_with(*EVALUATE)
def suite(request: HttpRequest, slug: str) -> HttpResponse:
    """A suite with the cases of one version, the newest unless another is asked for. Six queries at most."""
    found = get_object_or_404(Suite, slug=slug)
    versions = list(found.versions.select_related("added_by"))
    wanted = request.GET.get("version", "")
    shown = next((one for one in versions if str(one.number) == wanted), versions[0] if versions else None)
    if shown is None or (wanted and str(shown.number) != wanted):
        return redirect(found) if versions else redirect("console:evaluations")
    cases = shown.cases.all()
    if category := request.GET.get("category", "").replace("\x00", ""):
        cases = cases.filter(category=category)
    context: dict[str, Any] = {
        "suite": found,
        "versions": versions,
        "shown": shown,
        "categories": shown.cases.order_by("category").values_list("category").annotate(Count("pk")),
        "category": category,
        "page": Paginator(cases, PAGE_SIZE).get_page(request.GET.get("page")),
        "kinds": KINDS,
        "runs": EvaluationRun.objects.filter(version__suite=found).with_story()[:RUNS_SHOWN],
    }
    return render(request, "console/evaluations/suite.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(*EVALUATE)
def add(request: HttpRequest, slug: str = "") -> HttpResponse:
    """Add a suite, or the next version of the one named `slug`."""
    found = get_object_or_404(Suite, slug=slug) if slug else None
    is_sent = request.method == "POST"
    form = SuiteForm(request.POST, request.FILES, slug=slug) if is_sent else SuiteForm(slug=slug)
    if not form.is_valid():
        context = {"form": form, "suite": found, "kinds": KINDS}
        return render(request, "console/evaluations/add.html", context, status=INVALID if is_sent else 200)
    told = {name: form.cleaned_data[name] for name in ("title", "description") if not slug}
    version, is_new = actions.add_suite(
        form.cleaned_data["slug"],
        form.cleaned_data["cases"],
        by=current_user(request),
        address=client_address(request),
        **told,
    )
    if is_new:
        messages.success(request, f"Version {version.number} is added, with {version.case_count:,} cases.")
    else:
        messages.info(request, f"These very cases are version {version.number} already. Nothing was added.")
    return redirect(version.suite)


@require_POST
@staff_with(*EVALUATE)
def add_shipped(request: HttpRequest) -> HttpResponse:
    """Add the suites that the portal brings along."""
    versions = shipped.add_shipped(by=current_user(request))
    titles = " and ".join(version.suite.title for version in versions)
    messages.success(request, f"{titles} are there.")
    return redirect("console:evaluations")
