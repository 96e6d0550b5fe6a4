"""The events' pages and their calendar file."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from icalendar import Calendar

from portal.events import actions
from portal.events.models import Event, EventStatus, Registration
from tests import cast
from tests.conftest import signed_in


def entry_of(answer):
    assert answer.status_code == 200
    return Calendar.from_ical(answer.content).walk("VEVENT")[0]


def test_stranger_reads_the_event_and_is_asked_to_sign_in(db):
    event = cast.event()

    page = Client().get("/events/demo-day/").content.decode()

    assert "Demo day" in page
    assert "/accounts/login/?next=/events/demo-day/" in page
    assert f'datetime="{event.starts_at:%Y-%m-%dT%H:%M:%S}Z"' in page


def test_stranger_finds_no_draft(db):
    cast.event()
    Event.objects.update(status=EventStatus.DRAFT)

    assert Client().get("/events/demo-day/").status_code == 404
    assert Client().get("/events/demo-day/calendar.ics").status_code == 404
    assert "Demo day" not in Client().get("/events/").content.decode()


def test_guest_registers_and_cancels_in_the_browser(mallory, as_mallory):
    cast.event()

    registered = as_mallory.post("/events/demo-day/register/", follow=True).content.decode()
    asked = as_mallory.get("/events/demo-day/cancel/").content.decode()
    cancelled = as_mallory.post("/events/demo-day/cancel/", follow=True).content.decode()

    assert "You have a seat." in registered
    assert "Give your place back?" in asked
    assert "Your registration is cancelled." in cancelled
    assert Registration.objects.get().status == "cancelled"


def test_guest_finds_the_online_address_only_when_registered(mallory, as_mallory):
    event = cast.event()
    Event.objects.update(online_url="https://meet.example.org/secret-room")

    page_before = as_mallory.get("/events/demo-day/").content.decode()
    entry_before = entry_of(as_mallory.get("/events/demo-day/calendar.ics"))
    actions.register(event, by=mallory)
    page_after = as_mallory.get("/events/demo-day/").content.decode()
    entry_after = entry_of(as_mallory.get("/events/demo-day/calendar.ics"))

    assert "secret-room" not in page_before + str(entry_before["DESCRIPTION"])
    assert "secret-room" in page_after
    assert "secret-room" in str(entry_after["DESCRIPTION"])


def test_calendar_entry_keeps_its_uid_and_follows_changes(rosa):
    event = cast.event()
    before = entry_of(Client().get("/events/demo-day/calendar.ics"))

    later = event.starts_at + timedelta(hours=1)
    actions.change_event(event, by=rosa, prototypes=[], starts_at=later, ends_at=later + timedelta(hours=2))
    after = entry_of(Client().get("/events/demo-day/calendar.ics"))
    actions.cancel_event(event, by=rosa)
    cancelled = entry_of(Client().get("/events/demo-day/calendar.ics"))

    assert before["UID"] == after["UID"] == cancelled["UID"]
    assert before["SEQUENCE"] < after["SEQUENCE"] < cancelled["SEQUENCE"]
    assert after.decoded("DTSTART") == later.replace(microsecond=0)
    assert [one["STATUS"] for one in (before, after, cancelled)] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]


def test_guest_with_a_pass_is_led_to_the_playground_while_the_event_lasts(db):
    release = cast.release("prototype", status="evaluating")
    release.is_event_prototype = True
    release.save()
    event = cast.event(starts_in=timedelta(minutes=-5))
    event.prototypes.add(release)
    guest = cast.person("guest@example.org")
    cast.accept(guest, release)
    client = signed_in(guest)

    before = client.get("/playground/?release=prototype").content.decode()
    actions.register(event, by=guest)
    page = client.get("/events/demo-day/").content.decode()
    playground = client.get("/playground/?release=prototype").content.decode()
    Event.objects.update(ends_at=event.starts_at + timedelta(minutes=1))
    after = client.get("/playground/?release=prototype").content.decode()

    assert "/playground/?release=prototype" in page
    assert 'name="prompt"' not in before
    assert 'name="prompt"' in playground
    assert 'name="prompt"' not in after


def test_stranger_reads_the_time_on_the_clocks_of_the_place(db):
    cast.event()
    start = datetime(2027, 7, 1, 16, 0, tzinfo=UTC)
    Event.objects.update(time_zone="Europe/Berlin", starts_at=start, ends_at=start + timedelta(hours=2))

    page = Client().get("/events/demo-day/").content.decode()

    assert "Europe/Berlin: 1 Jul 2027, 18:00 to 20:00" in page


@pytest.mark.parametrize("number", [1, 3])
def test_list_of_events_costs_the_same_however_long(number, django_assert_num_queries, db):
    for index in range(number):
        event = cast.event(f"event-{index}")
        event.prototypes.add(cast.release(f"release-{index}"))
        actions.register(event, by=cast.person(f"p{index}@example.org"))

    with django_assert_num_queries(3):
        assert Client().get("/events/").status_code == 200
