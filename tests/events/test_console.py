"""Running events in the console."""

import csv
import io

import pytest

from portal.events import actions
from portal.events.models import Event, EventStatus, Registration
from portal.ledger.models import Entry
from tests import cast
from tests.conftest import signed_in

FORM = {
    "title": "Builders day",
    "slug": "",
    "summary": "Bring a laptop.",
    "description": "",
    "starts_at": "2027-03-27T18:00",
    "ends_at": "2027-03-27T21:00",
    "time_zone": "Europe/Berlin",
    "place": "Berlin",
    "online_url": "",
    "capacity": "20",
}


@pytest.fixture
def as_olga(db):
    """An event organiser's browser."""
    return signed_in(cast.staff("olga@example.org", "Event organisers"))


def test_organiser_makes_and_publishes_an_event(as_olga):
    made = as_olga.post("/console/events/new/", FORM)
    as_olga.post("/console/events/builders-day/publish/")

    event = Event.objects.get()
    assert (made.status_code, made.url) == (302, "/console/events/builders-day/")
    assert event.status == EventStatus.PUBLISHED
    assert event.starts_at.isoformat() == "2027-03-27T17:00:00+00:00"
    assert list(Entry.objects.order_by("number").values_list("verb", flat=True)) == [
        "event.created",
        "event.published",
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ends_at": "2027-03-27T17:00"}, "The event must end after it starts."),
        (
            {"starts_at": "2027-03-28T02:30", "ends_at": "2027-03-28T09:00"},
            "There is no such time in Europe/Berlin",
        ),
        ({"starts_at": "soon"}, "Choose a date and a time."),
        ({"capacity": "0"}, "Ensure this value is greater than or equal to 1."),
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice."),
        ({"title": ""}, "Please fill this in."),
    ],
)
def test_organiser_who_errs_keeps_what_was_typed(as_olga, change, sentence):
    answer = as_olga.post("/console/events/new/", FORM | change)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert "Bring a laptop." in answer.content.decode()
    assert not Event.objects.exists()


def test_organiser_cannot_take_an_address_twice(as_olga):
    as_olga.post("/console/events/new/", FORM)

    answer = as_olga.post("/console/events/new/", FORM)

    assert answer.status_code == 422
    assert "Another event has this address." in answer.content.decode()


def test_organiser_edits_on_the_clocks_of_the_place(as_olga):
    as_olga.post("/console/events/new/", FORM)

    page = as_olga.get("/console/events/builders-day/edit/").content.decode()
    saved = as_olga.post(
        "/console/events/builders-day/edit/", FORM | {"slug": "builders-day", "place": "Bonn"}
    )

    assert 'value="2027-03-27T18:00"' in page
    assert saved.status_code == 302
    assert Event.objects.get().place == "Bonn"


def test_organiser_cannot_shrink_below_the_guests(as_olga, mallory):
    event = cast.event(capacity=2)
    actions.register(event, by=mallory)
    actions.register(event, by=cast.person("second@example.org"))

    answer = as_olga.post("/console/events/demo-day/edit/", FORM | {"slug": "demo-day", "capacity": "1"})

    assert answer.status_code == 422
    assert "2 people have a seat already" in answer.content.decode()


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_organiser_checks_a_guest_in(as_olga, mallory, headers):
    guest = actions.register(cast.event(), by=mallory)

    answer = as_olga.post(f"/console/events/demo-day/guests/{guest.pk}/check-in/", headers=headers)

    assert answer.status_code == (200 if headers else 302)
    assert Registration.objects.get().status == "checked_in"
    if headers:
        assert f'id="guest-row-{guest.pk}"' in answer.content.decode()


def test_organiser_cannot_check_in_a_guest_of_another_event(as_olga, mallory):
    guest = actions.register(cast.event(), by=mallory)
    cast.event("other-day")

    assert as_olga.post(f"/console/events/other-day/guests/{guest.pk}/check-in/").status_code == 404
    assert Registration.objects.get().status == "registered"


def test_guest_list_is_safe_in_a_spreadsheet(as_olga):
    event = cast.event()
    actions.register(event, by=cast.person("eve@example.org", name='=HYPERLINK("http://evil")'))

    rows = list(csv.reader(io.StringIO(as_olga.get("/console/events/demo-day/guests.csv").content.decode())))

    assert rows[1][:3] == ['\'=HYPERLINK("http://evil")', "eve@example.org", "Registered"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/console/events/"),
        ("get", "/console/events/new/"),
        ("get", "/console/events/demo-day/"),
        ("get", "/console/events/demo-day/guests.csv"),
        ("post", "/console/events/demo-day/publish/"),
        ("post", "/console/events/demo-day/cancel/"),
    ],
)
def test_reviewer_and_outsider_may_not_run_events(as_rosa, as_mallory, method, path):
    cast.event()

    assert getattr(as_rosa, method)(path).status_code == 403
    assert getattr(as_mallory, method)(path).status_code == 403
    assert Event.objects.get().status == EventStatus.PUBLISHED


@pytest.mark.parametrize("number", [1, 3])
def test_guest_list_costs_the_same_however_long(as_olga, number, django_assert_num_queries):
    event = cast.event()
    for index in range(number):
        actions.register(event, by=cast.person(f"p{index}@example.org"))
    as_olga.get("/console/events/")

    with django_assert_num_queries(8):
        assert as_olga.get("/console/events/demo-day/").status_code == 200
