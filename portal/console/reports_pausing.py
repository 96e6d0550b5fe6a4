"""Pausing the release of a report, with a page that says whom it touches, and ending the pause."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from playground.models import Generation
from playground.reporting import actions
from portal.accounts.roles import TRIAGE
from portal.accounts.sessions import current_user
from portal.admissions.models import Application, ApplicationStatus
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.reports import found_report
from portal.console.reports_forms import PauseForm
from portal.keys.models import DailyUsage
from portal.releases.models import Release

KEYS_DAYS = 30


@dataclass(frozen=True)
class Touched:
    """Whom a pause shuts out: approved people, answers being written, and keys that were used of late."""

    people_count: int
    live_count: int
    keys_count: int
    keys_days: int = KEYS_DAYS


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(TRIAGE)
@never_cache
def pause(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask whether every door of the release shall shut, for which reason, and shut them."""
    found = found_report(reference)
    form = PauseForm(request.POST or None)
    if form.is_valid():
        reason, by = form.cleaned_data["reason"], current_user(request)
        try:
            actions.pause_release(found, reason=reason, by=by, address=client_address(request))
        except Refusal as refusal:
            form.add_error(None, refusal.sentence)
        else:
            messages.success(request, f"{found.release.name} is paused: every door of it is shut.")
            return redirect("console:report", reference)
    context = {"report": found, "form": form, "touched": touched_by(found.release)}
    status = INVALID if form.is_bound else 200
    return render(request, "console/reports/pause.html", context, status=status)


@require_POST
@staff_with(TRIAGE)
def resume(request: HttpRequest, reference: str) -> HttpResponse:
    """Open the doors again as far as the other gates allow."""
    found = found_report(reference)
    try:
        actions.resume_release(found, by=current_user(request), address=client_address(request))
        messages.success(request, f"{found.release.name} is not paused any more.")
    except Refusal as refusal:
        messages.error(request, refusal.sentence)
    return redirect("console:report", reference)


def touched_by(release: Release) -> Touched:
    """Whom a pause of `release` would shut out. Three queries."""
    approved = Application.objects.filter(status=ApplicationStatus.APPROVED, programme__releases=release)
    since = timezone.now().date() - timedelta(days=KEYS_DAYS)
    used = DailyUsage.objects.filter(release=release, day__gte=since, key__is_playground=False)
    return Touched(
        people_count=approved.values("applicant").distinct().count(),
        live_count=Generation.objects.live().filter(turn__conversation__release=release).count(),
        keys_count=used.values("key").distinct().count(),
    )
