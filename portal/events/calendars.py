"""An event as an iCalendar file (RFC 5545) that calendar programs update in place."""

from datetime import UTC
from urllib.parse import urlsplit

from django.conf import settings
from icalendar import Calendar
from icalendar import Event as CalendarEvent

from portal.events.models import Event


def calendar_file(event: Event, *, is_registered: bool) -> bytes:
    """The file; only those registered find the online address in it.

    The UID stays and SEQUENCE grows with each change, so that importing the file again
    moves the entry instead of adding one (RFC 5545, section 3.8.7.4).
    """
    address = f"{settings.PORTAL_URL}{event.get_absolute_url()}"
    entry = CalendarEvent()
    entry.add("uid", f"event-{event.pk}@{urlsplit(settings.PORTAL_URL).hostname}")
    entry.add("sequence", event.revision)
    entry.add("dtstamp", event.updated_at.astimezone(UTC))
    entry.add("last-modified", event.updated_at.astimezone(UTC))
    entry.add("dtstart", event.starts_at.astimezone(UTC))
    entry.add("dtend", event.ends_at.astimezone(UTC))
    entry.add("summary", event.title)
    entry.add("location", event.place)
    online = f"\n\nJoin: {event.online_url}" if is_registered and event.online_url else ""
    entry.add("description", f"{event.summary}{online}\n\n{address}")
    entry.add("url", address)
    entry.add("status", "CANCELLED" if event.is_cancelled else "CONFIRMED")
    calendar = Calendar()
    calendar.add("prodid", f"-//{settings.ORGANISATION_NAME}//{settings.SITE_NAME}//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(entry)
    return bytes(calendar.to_ical())
