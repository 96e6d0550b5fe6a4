"""The mails that tell people about an event that they registered for."""

from portal.common import mail
from portal.events.models import Event, Registration

SUBJECTS = {
    "event_registered": "You are registered for {title}",
    "event_waitlisted": "You are on the waiting list of {title}",
    "event_promoted": "A seat is free for you: {title}",
    "event_changed": "Changed: {title}",
    "event_cancelled": "Cancelled: {title}",
}


def tell(registration: Registration, *, letter: str, message: str = "") -> None:
    """Mail the registered person once the transaction has committed; `letter` is a key of SUBJECTS."""
    event = registration.event
    mail.send(
        letter,
        to=registration.user.email,
        subject=SUBJECTS[letter].format(title=event.title),
        context={"event": event, "person": registration.user, "message": message},
    )


def tell_all(event: Event, *, letter: str, message: str = "") -> None:
    """Mail everybody whose registration was not cancelled. One query."""
    for registration in event.registrations.live().select_related("user"):
        registration.event = event
        tell(registration, letter=letter, message=message)
