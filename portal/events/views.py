"""The events that are on, each one's page, and registering."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.common.requests import client_address
from portal.events import actions
from portal.events.models import Event, Registration, RegistrationStatus

PAST_SHOWN = 12


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Upcoming events, then the latest past ones. Four queries and the session's."""
    events = Event.objects.with_counts().prefetch_related("prototypes")
    context = {"upcoming": events.upcoming(), "past": events.past()[:PAST_SHOWN]}
    return render(request, "events/index.html", context)


@require_safe
@never_cache
def event(request: HttpRequest, slug: str) -> HttpResponse:
    """One event: when, where, what is shown, and one's own registration."""
    found = _event(slug)
    registration = _registration(found, request)
    context = {
        "event": found,
        "registration": registration,
        "seats_left": found.seats_left(),
        "waiting_place": registration.place_in_line() if registration and registration.is_waiting else None,
        "has_ended": found.has_ended(),
        "is_in_progress": found.is_in_progress(),
        "is_pass": registration is not None and registration.has_seat and bool(found.open_to_passes),
        "is_verified": isinstance(request.user, User) and request.user.has_verified_email(),
    }
    return render(request, "events/event.html", context)


@require_safe
def calendar(request: HttpRequest, slug: str) -> HttpResponse:
    """The event as a file for a calendar program."""
    from portal.events.calendars import calendar_file  # noqa: PLC0415 - loads icalendar

    found = _event(slug)
    registration = _registration(found, request)
    body = calendar_file(found, is_registered=registration is not None and registration.has_seat)
    headers = {"Content-Disposition": f'attachment; filename="{found.slug}.ics"'}
    return HttpResponse(body, content_type="text/calendar; charset=utf-8", headers=headers)


@require_POST
@login_required
def register(request: HttpRequest, slug: str) -> HttpResponse:
    """Register the person who is signed in; harmless when repeated."""
    found = _event(slug)
    made = actions.register(found, by=current_user(request), address=client_address(request))
    if made.has_seat:
        messages.success(request, "You are registered. We sent you a mail with the details.")
    else:
        messages.info(
            request, "All seats are taken, so you are on the waiting list. We write when one is free."
        )
    return redirect(found)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def cancel(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask whether to give the seat back, and do it."""
    found = _event(slug)
    registration = _registration(found, request)
    if registration is None:
        messages.info(request, "You are not registered for this event.")
        return redirect(found)
    if request.method != "POST":
        return render(request, "events/cancel.html", {"event": found, "registration": registration})
    actions.cancel_registration(registration, by=current_user(request), address=client_address(request))
    messages.success(request, "Your registration is cancelled.")
    return redirect(found)


def _event(slug: str) -> Event:
    return get_object_or_404(Event.objects.published().prefetch_related("prototypes"), slug=slug)


def _registration(event: Event, request: HttpRequest) -> Registration | None:
    if not isinstance(request.user, User):
        return None
    mine = event.registrations.filter(user=request.user).exclude(status=RegistrationStatus.CANCELLED)
    return mine.select_related("event").first()
