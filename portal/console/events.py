"""Events as those who run them see them: making, publishing, the guest list and the door."""

import csv
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.common.spreadsheets import as_text
from portal.common.statuses import INVALID
from portal.console.events_forms import EventForm
from portal.console.gatekeeping import staff_with
from portal.events import actions
from portal.events.models import Event, Registration, RegistrationStatus

ORGANISE = "events.organise_event"
PAGE_SIZE = 50


@require_safe
@staff_with(ORGANISE)
def index(request: HttpRequest) -> HttpResponse:
    """Every event, the latest first, with its numbers. Two queries."""
    found = Event.objects.with_counts().order_by("-starts_at")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "console/events/index.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(ORGANISE)
def new(request: HttpRequest) -> HttpResponse:
    """Write a new event; it starts as a draft."""
    form = EventForm(request.POST or None, initial={"time_zone": "UTC"})
    if request.method == "POST" and form.is_valid():
        made = actions.create_event(by=current_user(request), address=client_address(request), **form.facts())
        messages.success(request, "The event is a draft. Publish it when it is ready.")
        return redirect("console:event", made.slug)
    return _form_page(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(ORGANISE)
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Change an event."""
    event = get_object_or_404(Event, slug=slug)
    form = EventForm(request.POST or None, instance=event)
    if request.method == "POST" and form.is_valid():
        by, address = current_user(request), client_address(request)
        try:
            changed = actions.change_event(event, by=by, address=address, **form.facts())
        except Refusal as refusal:
            form.add_error("capacity" if refusal.code == "capacity_below_seats" else None, refusal.sentence)
        else:
            messages.success(request, "The event is changed.")
            return redirect("console:event", changed.slug)
    return _form_page(request, form, event)


@require_safe
@staff_with(ORGANISE)
@never_cache
def event(request: HttpRequest, slug: str) -> HttpResponse:
    """One event and who is registered. Four queries."""
    found = _counted(slug)
    guests = _guests(request, found)
    context = {
        "event": found,
        "page": Paginator(guests, PAGE_SIZE).get_page(request.GET.get("page")),
        "sought": request.GET.get("q", ""),
        "chosen": request.GET.get("status", ""),
        "statuses": RegistrationStatus.choices,
        "has_ended": found.has_ended(),
    }
    return render(request, "console/events/event.html", context)


@require_POST
@staff_with(ORGANISE)
def publish(request: HttpRequest, slug: str) -> HttpResponse:
    """Publish a draft."""
    event = get_object_or_404(Event, slug=slug)
    actions.publish(event, by=current_user(request), address=client_address(request))
    messages.success(request, "The event is published, and people can register.")
    return redirect("console:event", slug)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(ORGANISE)
def cancel(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask whether to call the event off, and do it."""
    event = _counted(slug)
    if request.method != "POST":
        return render(request, "console/events/cancel.html", {"event": event})
    message = request.POST.get("message", "").strip()[:1000]
    actions.cancel_event(event, by=current_user(request), message=message, address=client_address(request))
    messages.success(request, "The event is cancelled, and everybody registered gets a mail.")
    return redirect("console:event", slug)


@require_POST
@staff_with(ORGANISE)
def check_in(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Check somebody in; the row comes back to htmx."""
    guests = Registration.objects.select_related("event", "user")
    guest = get_object_or_404(guests, pk=pk, event__slug=slug)
    guest = actions.check_in(guest, by=current_user(request), address=client_address(request))
    if not is_htmx(request):
        messages.success(request, f"{guest.user.name} is checked in.")
        return redirect("console:event", slug)
    return render(request, "console/events/event.html#checked-in", {"event": _counted(slug), "guest": guest})


@require_safe
@staff_with(ORGANISE)
def export(request: HttpRequest, slug: str) -> HttpResponse:
    """The guest list as CSV, safe to open in a spreadsheet."""
    found = get_object_or_404(Event, slug=slug)
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{found.slug}-guests.csv"'
    writer = csv.writer(answer)
    writer.writerow(["Name", "E-mail", "Status", "Registered at", "Checked in at"])
    for guest in _guests(request, found).iterator(chunk_size=1_000):
        arrived = guest.checked_in_at.isoformat() if guest.checked_in_at else ""
        row = (guest.user.name, guest.user.email, guest.get_status_display(), guest.registered_at.isoformat())
        writer.writerow([as_text(cell) for cell in (*row, arrived)])
    return answer


def _form_page(request: HttpRequest, form: EventForm, event: Event | None = None) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "event": event}
    return render(request, "console/events/form.html", context, status=INVALID if form.errors else 200)


def _counted(slug: str) -> Event:
    return get_object_or_404(Event.objects.with_counts().prefetch_related("prototypes"), slug=slug)


def _guests(request: HttpRequest, event: Event) -> Any:
    found = event.registrations.matching(request.GET.get("q", "").strip().replace("\x00", ""))
    if (status := request.GET.get("status", "")) in RegistrationStatus.values:
        found = found.filter(status=status)
    elif not status:
        found = found.live()
    return found.select_related("user").order_by("user__full_name", "registered_at", "pk")
