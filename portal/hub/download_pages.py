"""What a person has downloaded, request by request."""

from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.views.decorators.http import require_safe

from portal.accounts.sessions import current_user
from portal.hub.limits import spent
from portal.hub.models import Download

DOWNLOADS_A_PAGE = 50
_MOMENT = "%Y%m%dT%H%M%S.%f"


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """The person's downloads, the newest first. Two queries and the session's."""
    user = current_user(request)
    found = Download.objects.visible_to(user).select_related("file__revision__release", "key", "link")
    before = request.GET.get("before", "")
    rows = list(found.filter(_older_than(before))[: DOWNLOADS_A_PAGE + 1])
    shown = rows[:DOWNLOADS_A_PAGE]
    context = {
        "downloads": shown,
        "is_first": not before,
        "older": _place(shown[-1]) if len(rows) > DOWNLOADS_A_PAGE else "",
        "spent": spent(user.pk),
        "day_note": f"of {filesizeformat(settings.DOWNLOAD_BYTES_PER_DAY)} that one person may take a day",
        "once_note": f"of {settings.DOWNLOADS_AT_ONCE} at once",
    }
    return render(request, "releases/downloads.html", context)


def _place(download: Download) -> str:
    """Where a page ended, for the address of the next one."""
    return f"{download.started_at.astimezone(UTC):{_MOMENT}}-{download.pk}"


def _older_than(place: str) -> Q:
    """The condition of what comes after `place`; whatever is no place stands for the start."""
    moment, _, number = place.partition("-")
    try:
        at, pk = datetime.strptime(moment, _MOMENT).replace(tzinfo=UTC), int(number)
    except ValueError:
        return Q()
    # The first condition alone lets the index find the place.
    return Q(started_at__lte=at) & (Q(started_at__lt=at) | Q(pk__lt=pk))
