"""Everything that changes an event or a registration; the event's row is the lock for its seats."""

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.events.letters import tell, tell_all
from portal.events.models import (
    EVENT_MOVES,
    REGISTRATION_MOVES,
    Event,
    EventStatus,
    Registration,
    RegistrationStatus,
)
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Release

# A change of these is worth a mail to everybody registered.
TOLD_FIELDS = ("starts_at", "ends_at", "place")


@transaction.atomic
def create_event(
    *, by: User | None, prototypes: Iterable[Release] = (), address: str | None = None, **fields: Any
) -> Event:
    """Make a draft from an event's fields. Raises Refusal when the slug is taken."""
    try:
        with transaction.atomic():
            event = Event.objects.create(**fields)
    except IntegrityError as error:
        raise Refusal(
            "slug_taken", "There is an event at this address already. Choose another one."
        ) from error
    event.prototypes.set(prototypes)
    record(Verb.EVENT_CREATED, subject=event, by=by, data={"slug": event.slug}, address=address)
    return event


@transaction.atomic
def change_event(
    event: Event, *, by: User, prototypes: Iterable[Release], address: str | None = None, **fields: Any
) -> Event:
    """Change an event's fields; more seats go to those who wait, and a new time or place is mailed.

    Raises Refusal when the capacity would fall below the seats taken, or the event was cancelled.
    """
    row = _locked(event)
    if row.is_cancelled:
        raise Refusal("event_cancelled", "This event was cancelled and can no longer be changed.")
    seated = row.registrations.seated().count()
    if fields.get("capacity", row.capacity) < seated:
        raise Refusal(
            "capacity_below_seats",
            f"{seated} people have a seat already, so {seated} seats is the least that you can have.",
        )
    changed = sorted(name for name, value in fields.items() if getattr(row, name) != value)
    for name in changed:
        setattr(row, name, fields[name])
    row.revision += 1
    row.save()
    row.prototypes.set(prototypes)
    if row.status == EventStatus.PUBLISHED:
        _promote(row, by=by)
        if set(changed) & set(TOLD_FIELDS) and not row.has_ended():
            tell_all(row, letter="event_changed")
    record(Verb.EVENT_CHANGED, subject=row, by=by, data={"fields": changed}, address=address)
    return row


@transaction.atomic
def publish(event: Event, *, by: User | None, address: str | None = None) -> Event:
    """Let people see the event and register. Raises Refusal when it is over, IllegalMove unless a draft."""
    row = _locked(event)
    if row.has_ended():
        raise Refusal("event_over", "This event lies in the past. Change its time before you publish it.")
    move(row, EventStatus.PUBLISHED, moves=EVENT_MOVES, revision=row.revision + 1)
    record(Verb.EVENT_PUBLISHED, subject=row, by=by, address=address)
    return row


@transaction.atomic
def cancel_event(event: Event, *, by: User, message: str = "", address: str | None = None) -> Event:
    """Call the event off and tell everybody registered why; passes to its prototypes end at once.

    Raises IllegalMove when it was cancelled before.
    """
    row = _locked(event)
    was_published = row.status == EventStatus.PUBLISHED
    move(row, EventStatus.CANCELLED, moves=EVENT_MOVES, revision=row.revision + 1)
    if was_published and not row.has_ended():
        tell_all(row, letter="event_cancelled", message=message)
    record(Verb.EVENT_CANCELLED, subject=row, by=by, data={"message": message}, address=address)
    return row


@transaction.atomic
def register(event: Event, *, by: User, address: str | None = None) -> Registration:
    """Take a seat, or the end of the waiting list when none is free; registering twice gives the first.

    Raises Refusal for an unverified address, and when the event is over or not to be registered for.
    """
    if not by.has_verified_email():
        raise Refusal(
            "email_verified", "Verify your e-mail address to register.", 403, reverse("account_email")
        )
    row = _locked(event)
    if row.status != EventStatus.PUBLISHED or row.has_ended():
        sentence = (
            "This event was cancelled." if row.is_cancelled else "Registration for this event has ended."
        )
        raise Refusal("registration_closed", sentence, remedy=reverse("events:index"))
    if found := row.registrations.live().filter(user=by).first():
        return found
    has_seat = row.seats_left() > 0 and not row.registrations.waiting().exists()
    status = RegistrationStatus.REGISTERED if has_seat else RegistrationStatus.WAITLISTED
    made = Registration.objects.create(event=row, user=by, status=status)
    tell(made, letter="event_registered" if has_seat else "event_waitlisted")
    verb = Verb.REGISTRATION_MADE if has_seat else Verb.REGISTRATION_WAITLISTED
    record(verb, subject=made, by=by, data={"event": row.slug}, address=address)
    return made


@transaction.atomic
def cancel_registration(registration: Registration, *, by: User, address: str | None = None) -> Registration:
    """Give the seat back; the first who waits gets it. Raises IllegalMove after check-in or a cancel."""
    row = _locked(registration.event)
    mine = row.registrations.select_for_update().get(pk=registration.pk)
    move(mine, RegistrationStatus.CANCELLED, moves=REGISTRATION_MOVES)
    if row.status == EventStatus.PUBLISHED and not row.has_ended():
        _promote(row, by=None)
    record(Verb.REGISTRATION_CANCELLED, subject=mine, by=by, data={"event": row.slug}, address=address)
    return mine


@transaction.atomic
def check_in(registration: Registration, *, by: User, address: str | None = None) -> Registration:
    """Note that the person is there; a second click changes nothing.

    Raises Refusal unless the event is published, and IllegalMove for somebody without a seat.
    """
    row = _locked(registration.event)
    if row.status != EventStatus.PUBLISHED:
        raise Refusal("event_not_published", "People are checked in at published events only.")
    guest = row.registrations.select_for_update().get(pk=registration.pk)
    if guest.status == RegistrationStatus.CHECKED_IN:
        return guest
    move(guest, RegistrationStatus.CHECKED_IN, moves=REGISTRATION_MOVES, checked_in_at=timezone.now())
    record(Verb.REGISTRATION_CHECKED_IN, subject=guest, by=by, data={"event": row.slug}, address=address)
    return guest


def _promote(event: Event, *, by: User | None) -> None:
    """Give the free seats of the locked `event` to those who have waited longest."""
    for waiting in event.registrations.waiting().select_related("user")[: event.seats_left()]:
        waiting.event = event
        move(waiting, RegistrationStatus.REGISTERED, moves=REGISTRATION_MOVES)
        tell(waiting, letter="event_promoted")
        record(Verb.REGISTRATION_PROMOTED, subject=waiting, by=by, data={"event": event.slug})


def _locked(event: Event) -> Event:
    return Event.objects.select_for_update(of=("self",)).get(pk=event.pk)
