"""The staff's pages of keys: whose each is and what it did, and the way to end one; never the key itself."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.sessions import current_user
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.keys_forms import KeysForm, RevokeForm
from portal.keys import actions, reports
from portal.keys.models import ApiKey, DailyUsage, LeakReport
from portal.ledger.models import Entry

SEE, REVOKE = "keys.view_apikey", "keys.delete_apikey"
PAGE_SIZE = 50
USAGE_DAYS = 30
NETWORKS_SHOWN = 100
# PostgreSQL's bigint holds every number of as many digits.
NUMBER_DIGITS_MAX = 18


@require_safe
@staff_with(SEE)
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """Keys, the newest first. One query and the session's."""
    asked = {name: value for name, value in request.GET.items() if name != "after"}
    form = KeysForm(asked)
    rows: list[ApiKey] = []
    if form.is_valid():
        found = form.found()
        if after := request.GET.get("after", ""):
            found = found.filter(pk__lt=_number(after))
        rows = list(found[: PAGE_SIZE + 1])
    context = {
        "form": form,
        "rows": rows[:PAGE_SIZE],
        "following": rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None,
        "is_filtered": any(asked.values()),
    }
    return render(request, "console/keys/index.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(SEE)
@never_cache
def key(request: HttpRequest, public_id: str) -> HttpResponse:
    """One key: its owner, limits and traces, and a form to end it. Seven queries and the session's."""
    keys = ApiKey.objects.select_related("user", "service_account", "replaced_by")
    found = get_object_or_404(keys, public_id=public_id)
    may_revoke = request.user.has_perm(REVOKE)
    form = RevokeForm(request.POST if request.method == "POST" and may_revoke else None)
    if form.is_valid():
        user, address = current_user(request), client_address(request)
        actions.revoke(found, by=user, address=address, reason=form.cleaned_data["reason"])
        messages.success(request, f"{found.prefix} is revoked, and {found.user.email} is told.")
        return redirect("console:key", found.public_id)
    context = {"key": found, "form": form, "may_revoke": may_revoke, **_traces(found)}
    # The ledger names people and addresses, so it is for those who may read it.
    context["entries"] = Entry.objects.about(found) if request.user.has_perm("ledger.view_entry") else []
    return render(request, "console/keys/key.html", context, status=INVALID if form.is_bound else 200)


@require_safe
@staff_with(SEE)
@never_cache
def leaks(request: HttpRequest) -> HttpResponse:
    """Reports of leaked keys, the newest first. One query and the session's."""
    found = LeakReport.objects.order_by("-pk").select_related("key__user")
    if after := request.GET.get("after", ""):
        found = found.filter(pk__lt=_number(after))
    rows = list(found[: PAGE_SIZE + 1])
    following = rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None
    return render(request, "console/keys/leaks.html", {"rows": rows[:PAGE_SIZE], "following": following})


def _traces(found: ApiKey) -> dict[str, Any]:
    until = timezone.now().date()
    usage = DailyUsage.objects.filter(key=found).between(until - timedelta(days=USAGE_DAYS - 1), until)
    return {
        "releases": found.releases.order_by("name"),
        "networks": found.used_networks.order_by("-first_used_at")[:NETWORKS_SHOWN],
        "usage": reports.lines(usage, "release__name"),
        "usage_days": USAGE_DAYS,
        "reports": found.leak_reports.order_by("-pk"),
    }


def _number(after: str) -> int:
    if not (after.isascii() and after.isdigit() and len(after) <= NUMBER_DIGITS_MAX):
        raise BadRequest("There is no such page.")
    return int(after)
