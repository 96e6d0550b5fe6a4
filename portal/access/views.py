"""The landing page, and the dashboard with its checklist."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.sessions import current_user
from portal.admissions.models import Application, Programme
from portal.events.models import Event, Registration
from portal.licensing.models import LicenceVersion
from portal.releases.models import Release


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """What this is, the releases and the events. Four queries and the session's."""
    context = {
        "releases": Release.objects.announced().select_related("licence"),
        "events": Event.objects.upcoming().prefetch_related("prototypes")[:3],
        "programme": Programme.objects.taking_applications().order_by("pk").first(),
        "licence_version": LicenceVersion.objects.published().select_related("licence").first(),
    }
    return render(request, "pages/landing.html", context)


@require_safe
@login_required
def dashboard(request: HttpRequest) -> HttpResponse:
    """Where the person stands: the checklist of each open release, applications and registrations."""
    releases = Release.objects.announced().select_related("licence")
    user = current_user(request)
    context = {
        "decisions": [decide(user, release, Action.PLAYGROUND) for release in releases],
        "applications": Application.objects.filter(applicant=user)
        .select_related("programme")
        .order_by("-created_at"),
        "registrations": Registration.objects.seated()
        .filter(user=user, event__in=Event.objects.upcoming())
        .select_related("event")
        .order_by("event__starts_at"),
    }
    return render(request, "pages/dashboard.html", context)
