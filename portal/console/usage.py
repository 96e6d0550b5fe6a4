"""The staff's page of usage: what everybody asked of the API, and who asked most."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.common import spreadsheets
from portal.common.requests import is_htmx
from portal.console.gatekeeping import staff_with
from portal.console.usage_forms import EverybodysUsageForm
from portal.keys import reports
from portal.keys.models.usage import DailyUsageQuerySet

# Who may see how limits stand may see of what they are used up.
SEE = "keys.change_limit"
PEOPLE_SHOWN = 50
CSV_HEADINGS = (
    *("Day (UTC)", "Release", "Person", "Requests", "Failed", "Prompt tokens", "Answer tokens"),
    *("First token p50 (ms)", "First token p95 (ms)"),
)


@require_safe
@staff_with(SEE)
@never_cache
def usage(request: HttpRequest) -> HttpResponse:
    """What was used by day, model and person. Five queries at most, and the session's."""
    form = EverybodysUsageForm(request.GET.dict())
    context: dict[str, Any] = {"form": form, "query": request.GET.urlencode()}
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    if form.is_valid():
        context |= _report(form)
    page = "console/usage.html#usage-report" if is_htmx(request) else "console/usage.html"
    return render(request, page, context, status=status)


@require_safe
@staff_with(SEE)
@never_cache
def export(request: HttpRequest) -> HttpResponseBase:
    """What the page shows as CSV: a row a day, model and person."""
    form = EverybodysUsageForm(request.GET.dict())
    if not form.is_valid():
        raise BadRequest("There is no such period, model or person.")
    since, until = form.period()
    rows = _csv_rows(form.usage_by_key().between(since, until))
    return spreadsheets.answer(f"usage-of-all-{since}-{until}.csv", headings=CSV_HEADINGS, rows=rows)


def _report(form: EverybodysUsageForm) -> dict[str, Any]:
    since, until = form.period()
    asked = form.usage().between(since, until)
    by_key = form.usage_by_key().between(since, until)
    people = reports.lines(by_key, "key__user__email", limit=PEOPLE_SHOWN)
    return {
        "days": reports.by_day(asked, since=since, until=until),
        "releases": reports.lines(asked, "release__name", "release__slug"),
        "people": people,
        "people_shown": PEOPLE_SHOWN,
        "is_filtered": form.is_filtered,
        "shown_days": form.cleaned_data["days"],
    }


def _csv_rows(usage: DailyUsageQuerySet) -> Iterator[tuple[Any, ...]]:
    names = ("day", "release__slug", "key__user__email")
    for row in usage.by(*names).order_by("-day", *names[1:]).iterator(chunk_size=500):
        yield (*(row[name] for name in names), *reports.amount_of(row).cells())
