"""The pages on which a person sees what their keys used of the API, and what is left."""

from http import HTTPStatus
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.common import spreadsheets
from portal.common.requests import is_htmx
from portal.keys import applying, limiting, reports
from portal.keys.usage_forms import UsageForm


@require_safe
@login_required
@never_cache
def usage(request: HttpRequest) -> HttpResponse:
    """What the person's keys used by day, model and key, and what limits leave. Eleven queries."""
    user = current_user(request)
    form = UsageForm(request.GET.dict(), user=user)
    context: dict[str, Any] = {"form": form, "query": request.GET.urlencode()}
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    if form.is_valid():
        context |= _report(form)
    if is_htmx(request):
        return render(request, "keys/usage.html#usage-report", context, status=status)
    return render(request, "keys/usage.html", context | _limits(form, user), status=status)


@require_safe
@login_required
@never_cache
def export(request: HttpRequest) -> HttpResponseBase:
    """What the page shows as CSV: a row a day, model and key."""
    form = UsageForm(request.GET.dict(), user=current_user(request))
    if not form.is_valid():
        raise BadRequest("There is no such period, model or key.")
    since, until = form.period()
    rows = reports.csv_rows(form.usage().between(since, until))
    return spreadsheets.answer(f"usage-{since}-{until}.csv", headings=reports.CSV_HEADINGS, rows=rows)


def _report(form: UsageForm) -> dict[str, Any]:
    since, until = form.period()
    asked = form.usage().between(since, until)
    return {
        "days": reports.by_day(asked, since=since, until=until),
        "releases": reports.lines(asked, "release__name"),
        "keys": reports.lines(asked, "key__name", "key__public_id", limit=reports.KEYS_SHOWN),
        "keys_shown": reports.KEYS_SHOWN,
        "is_filtered": form.is_filtered,
    }


def _limits(form: UsageForm, user: User) -> dict[str, Any]:
    """How each limit in force stands, under the words for whom it counts; those of single keys apart."""
    names = {applying.name_for_key(key.pk): key.name for key in form.keys}
    shared: dict[str, list[limiting.Standing]] = {}
    of_keys: dict[str, list[limiting.Standing]] = {}
    for standing in limiting.remaining(user):
        limit = standing.limit
        if limit.name.startswith("key:"):
            of_keys.setdefault(limit.name, []).append(standing)
        else:
            shared.setdefault(limit.subject, []).append(standing)
    return {
        "limits": shared.items(),
        "key_limits": [(names.get(name, "Another key"), found) for name, found in of_keys.items()],
    }
