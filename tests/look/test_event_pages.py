"""The pages of events in a real browser: accessible, fitting, and the door works by htmx."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portal.events import actions
from portal.events.models import Event
from tests import cast
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def evening(db: None) -> Event:
    made = cast.event()
    made.prototypes.add(cast.release())
    actions.register(made, by=cast.person("a-guest-with-a-rather-long-address@example.org"))
    return made


@pytest.mark.parametrize("path", ["/events/", "/events/demo-day/"])
def test_visitor_opens_page_and_it_is_accessible_and_fits(page: Page, evening: Event, path: str) -> None:
    look_at(page, path)


def test_guest_opens_page_and_it_is_accessible_and_fits(page: Page, enter: Any, evening: Event) -> None:
    guest = cast.person("ada@example.org")
    actions.register(evening, by=guest)
    enter(page, guest)

    look_at(page, "/events/demo-day/")
    look_at(page, "/events/demo-day/cancel/")


@pytest.mark.parametrize(
    "path",
    [
        "/console/events/",
        "/console/events/new/",
        "/console/events/demo-day/",
        "/console/events/demo-day/edit/",
        "/console/events/demo-day/cancel/",
    ],
)
def test_organiser_opens_page_and_it_is_accessible_and_fits(
    page: Page, enter: Any, evening: Event, path: str
) -> None:
    enter(page, cast.staff("olga@example.org", "Event organisers"))

    look_at(page, path)


def test_organiser_checks_a_guest_in_without_leaving_the_page(page: Page, enter: Any, evening: Event) -> None:
    enter(page, cast.staff("olga@example.org", "Event organisers"))
    page.goto("/console/events/demo-day/?q=guest")

    page.get_by_role("button", name="Check in").click()

    expect(page.locator("tbody tr")).to_contain_text("Checked in")
    expect(page.locator("#counts")).to_contain_text("Checked in 1")
    assert page.url.endswith("?q=guest")
