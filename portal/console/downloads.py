"""The staff's pages of downloads: the list, one download with everything recorded, and a release's report."""

from datetime import date, timedelta
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.models import User
from portal.common import charts
from portal.console.downloads_forms import FilterForm
from portal.console.gatekeeping import staff_with
from portal.hub import reports
from portal.hub.models import ClientFamily, Download, Sheaf
from portal.ledger.models import Entry
from portal.releases.models import Release, WeightFile

MANAGE = "releases.manage_release"
PAGE_SIZE = 50
PERIODS = (30, 90, 365)


@require_safe
@staff_with(MANAGE)
def index(request: HttpRequest) -> HttpResponse:
    """Downloads, newest first: a row a person, file and day, or a row a request. Eight queries at most."""
    # What the links of a page of results add is not what is asked.
    asked = {name: value for name, value in request.GET.items() if name not in ("after", "view")}
    form = FilterForm(asked)
    is_single = request.GET.get("view") == "requests"
    rows: list[Any] = []
    following = ""
    if form.is_valid():
        question = form.question()
        if form.is_valid():
            found = Download.objects.matching(**question)
            read = _requests if is_single else _sheaves
            rows, following = read(found, request.GET.get("after", ""))
    context = {
        "form": form,
        "rows": rows,
        "is_single": is_single,
        "following": following,
        "is_filtered": any(asked.values()),
        "is_later_page": "after" in request.GET,
    }
    if not any(request.GET.values()):
        until = timezone.now().date()
        context["releases"] = reports.of_all(since=until - timedelta(days=PERIODS[0] - 1), until=until)
        context["days"] = PERIODS[0]
    return render(request, "console/downloads/index.html", context)


@require_safe
@staff_with(MANAGE)
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """One download. Three queries."""
    facts = ("user", "key", "link", "file__revision__release", "acceptance__version__licence")
    found = get_object_or_404(Download.objects.select_related(*facts), pk=pk)
    # The ledger names people and addresses, so it is for those who may read it.
    entries = Entry.objects.about(found) if request.user.has_perm("ledger.view_entry") else []
    context = {
        "download": found,
        "spans": [
            {"first": first, "last": last, "size_bytes": last - first + 1} for first, last in found.spans
        ],
        "entries": [
            {"at": entry.at, "title": entry.get_verb_display(), "actor": entry.actor_label}
            for entry in entries
        ],
    }
    return render(request, "console/downloads/download.html", context)


@require_safe
@staff_with(MANAGE)
def report(request: HttpRequest, slug: str) -> HttpResponse:
    """What was downloaded of one release. Seven queries."""
    release = get_object_or_404(Release, slug=slug)
    period = _period(request)
    until = timezone.now().date()
    since = until - timedelta(days=period - 1)
    found = reports.of_release(release, since=since, until=until)
    context = {
        "release": release,
        "report": found,
        "bytes_chart": charts.of_days({day: one.sent_bytes for day, one in found.days.items()}),
        "requests_chart": charts.of_days({day: one.request_count for day, one in found.days.items()}),
        "period_total": sum(found.days.values(), reports.Amount()),
        "period": period,
        "periods": PERIODS,
        "since": since,
        "until": until,
    }
    return render(request, "console/downloads/report.html", context)


def _period(request: HttpRequest) -> int:
    wanted = request.GET.get("days", str(PERIODS[0]))
    if wanted not in map(str, PERIODS):
        raise BadRequest(f"A report covers {', '.join(map(str, PERIODS))} days.")
    return int(wanted)


def _requests(found: Any, after: str) -> tuple[list[Any], str]:
    """A page of requests, and the key of the next one."""
    facts = ("user", "file__revision__release")
    rows = list(found.newest_first(after=_place(after)).select_related(*facts)[: PAGE_SIZE + 1])
    if len(rows) <= PAGE_SIZE:
        return rows, ""
    last = rows[PAGE_SIZE - 1]
    return rows[:PAGE_SIZE], f"{last.day:%Y%m%d}.{last.pk}"


def _sheaves(found: Any, after: str) -> tuple[list[Any], str]:
    """A page of rows a person, file and day, and the key of the next one."""
    rows = list(found.in_sheaves(after=_sheaf(after))[: PAGE_SIZE + 1])
    people = User.objects.in_bulk([row["user_id"] for row in rows])
    files = WeightFile.objects.select_related("revision__release").in_bulk([row["file_id"] for row in rows])
    for row in rows:
        row |= {
            "user": people[row["user_id"]],
            "file": files[row["file_id"]],
            "family": ClientFamily(row["one_family"]).label if row["family_count"] == 1 else "Several",
        }
    if len(rows) <= PAGE_SIZE:
        return rows, ""
    last = rows[PAGE_SIZE - 1]
    return rows[:PAGE_SIZE], f"{last['day']:%Y%m%d}.{last['user_id']}.{last['file_id']}"


def _place(after: str) -> tuple[date, int] | None:
    if not after:
        return None
    try:
        day, pk = after.split(".")
        return date.fromisoformat(day), int(pk)
    except ValueError as error:
        raise BadRequest("There is no such page.") from error


def _sheaf(after: str) -> Sheaf | None:
    if not after:
        return None
    try:
        day, user_id, file_id = after.split(".")
        return Sheaf(date.fromisoformat(day), int(user_id), int(file_id))
    except ValueError as error:
        raise BadRequest("There is no such page.") from error
