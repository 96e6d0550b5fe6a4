"""The console's first page: what is waiting, and for whom."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from playground.reporting import counting
from portal.accounts.roles import REVIEW, TRIAGE
from portal.admissions.models import Application
from portal.console.applications_filters import SOON
from portal.console.gatekeeping import staff_with
from portal.console.integrity import damaged_releases
from portal.console.safety import LOOK
from portal.events.models import Event
from portal.ledger.models import Entry
from portal.releases.models import Blob, Release, WeightImport
from portal.releases.safety import reminding
from portal.releases.safety.clearing import unclear

# What waits for a second reviewer is seldom; the oldest stand first.
SEATS_SHOWN = 10


@require_safe
@staff_with()
def home(request: HttpRequest) -> HttpResponse:
    """Counts that link to the pages behind them. Nineteen queries at most."""
    may_review = request.user.has_perm(REVIEW)
    may_manage = request.user.has_perm("releases.manage_release")
    may_audit = request.user.has_perm("ledger.view_entry")
    may_sign = any(request.user.has_perm(one) for one in LOOK)
    may_triage = request.user.has_perm(TRIAGE)
    now = timezone.now()
    context = {
        "awaiting_review": Application.objects.awaiting_review().count() if may_review else None,
        "overdue_count": Application.objects.due(before=now).count() if may_review else 0,
        "due_soon_count": Application.objects.due(before=now + SOON).filter(due_at__gte=now).count()
        if may_review
        else 0,
        "seats_proposed": Application.objects.with_seats_proposed()[:SEATS_SHOWN] if may_review else (),
        "standing": counting.standing() if may_triage else None,
        "incident_rates": counting.rates_by_release() if may_triage else (),
        "incident_days": counting.RATES_DAYS,
        "unclear_releases": Release.objects.filter(pk__in=unclear()) if may_sign else (),
        "ending_sign_offs": list(reminding.ending()) if may_sign else (),
        "damaged_count": Blob.objects.out_of_service().count() if may_manage else 0,
        "damaged_releases": damaged_releases() if may_manage else (),
        "upcoming_events": Event.objects.upcoming()[:5],
        "releases": Release.objects.all()[:10],
        "imports": WeightImport.objects.select_related("release")[:5],
        # The ledger names people and addresses, so it is for those who may read it.
        "entries": Entry.objects.order_by("-number")[:8] if may_audit else None,
    }
    return render(request, "console/home.html", context)
