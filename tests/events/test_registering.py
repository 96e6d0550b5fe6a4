"""Registering: never more than the seats, never twice, and the first who waits is the first to get a seat."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.events import actions
from portal.events.models import Event, EventStatus, Registration
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests import cast


def people(number):
    return [cast.person(f"guest{index}@example.org") for index in range(number)]


def statuses(event):
    return list(event.registrations.order_by("pk").values_list("status", flat=True))


def test_guest_registers_and_is_told(mallory, mailoutbox):
    event = cast.event()

    made = actions.register(event, by=mallory, address="192.0.2.7")

    assert (made.status, event.seats_left()) == ("registered", 9)
    entry = Entry.objects.get()
    assert (entry.verb, entry.actor_id, entry.address) == (Verb.REGISTRATION_MADE, mallory.pk, "192.0.2.7")


def test_guest_who_clicks_twice_is_registered_once(mallory):
    event = cast.event()

    first = actions.register(event, by=mallory)
    second = actions.register(event, by=mallory)

    assert first == second
    assert Registration.objects.count() == 1


def test_guest_without_a_seat_waits_and_is_promoted_in_order(db):
    event = cast.event(capacity=1)
    ada, ben, cem = people(3)
    seat = actions.register(event, by=ada)
    waiting = actions.register(event, by=ben)
    actions.register(event, by=cem)

    before = statuses(event)
    actions.cancel_registration(seat, by=ada)

    assert before == ["registered", "waitlisted", "waitlisted"]
    assert statuses(event) == ["cancelled", "registered", "waitlisted"]
    waiting.refresh_from_db()
    assert list(event.registrations.waiting().values_list("user__email", flat=True)) == ["guest2@example.org"]
    assert Entry.objects.filter(verb=Verb.REGISTRATION_PROMOTED).get().subject_id == str(waiting.pk)


def test_guest_who_cancelled_registers_again_at_the_end_of_the_line(db):
    event = cast.event(capacity=1)
    ada, ben = people(2)
    seat = actions.register(event, by=ada)
    actions.register(event, by=ben)
    actions.cancel_registration(seat, by=ada)

    again = actions.register(event, by=ada)

    assert (again.status, again.place_in_line()) == ("waitlisted", 1)
    assert statuses(event) == ["cancelled", "registered", "waitlisted"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": EventStatus.DRAFT}, "registration_closed"),
        ({"status": EventStatus.CANCELLED}, "registration_closed"),
        (
            {
                "starts_at": timezone.now() - timedelta(hours=3),
                "ends_at": timezone.now() - timedelta(hours=1),
            },
            "registration_closed",
        ),
    ],
)
def test_guest_cannot_register_when_it_is_too_late(mallory, change, code):
    event = cast.event()
    Event.objects.update(**change)

    with pytest.raises(Refusal) as caught:
        actions.register(event, by=mallory)

    assert caught.value.code == code
    assert not Registration.objects.exists()


def test_unverified_guest_is_told_how_to_go_on(db):
    user = cast.person("new@example.org", verified=False)

    with pytest.raises(Refusal) as caught:
        actions.register(cast.event(), by=user)

    assert (caught.value.code, caught.value.remedy) == ("email_verified", "/accounts/email/")


def test_guest_cannot_cancel_twice(mallory):
    registration = actions.register(cast.event(), by=mallory)
    actions.cancel_registration(registration, by=mallory)

    with pytest.raises(IllegalMove):
        actions.cancel_registration(registration, by=mallory)


@pytest.mark.django_db(transaction=True)
def test_thirty_guests_at_once_get_seven_seats_and_a_line():
    event = cast.event(capacity=7)
    guests = people(30)

    def register(user):
        try:
            actions.register(event, by=user)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(register, guests))

    assert event.registrations.seated().count() == 7
    assert event.registrations.waiting().count() == 23


@pytest.mark.django_db(transaction=True)
def test_one_guest_in_ten_tabs_is_registered_once():
    event = cast.event(capacity=3)
    (guest,) = people(1)

    def register(_):
        try:
            actions.register(event, by=guest)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(register, range(10)))

    assert statuses(event) == ["registered"]


def test_staff_who_add_seats_let_the_waiting_in(rosa):
    event = cast.event(capacity=1)
    for user in people(3):
        actions.register(event, by=user)

    actions.change_event(event, by=rosa, prototypes=[], capacity=2)

    assert statuses(event) == ["registered", "registered", "waitlisted"]


def test_staff_cannot_take_seats_away(rosa):
    event = cast.event(capacity=2)
    for user in people(2):
        actions.register(event, by=user)

    with pytest.raises(Refusal) as caught:
        actions.change_event(event, by=rosa, prototypes=[], capacity=1)

    assert caught.value.code == "capacity_below_seats"
    assert Event.objects.get().capacity == 2


def test_staff_check_in_counts_once_and_needs_a_seat(rosa):
    event = cast.event(capacity=1)
    ada, ben = people(2)
    seat = actions.register(event, by=ada)
    waiting = actions.register(event, by=ben)

    actions.check_in(seat, by=rosa)
    actions.check_in(seat, by=rosa)
    with pytest.raises(IllegalMove):
        actions.check_in(waiting, by=rosa)

    assert statuses(event) == ["checked_in", "waitlisted"]
    assert Entry.objects.filter(verb=Verb.REGISTRATION_CHECKED_IN).count() == 1
