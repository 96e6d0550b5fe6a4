"""One conversation in two tabs: the one that was left says what went on in the other, and loses no word."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.look.checks import DESK, PHONE, assert_accessible, assert_fits, watch_policy
from tests.playground.pages import say, signed_in
from tests.playground.stack import Stack, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(120)]

PAUSE_MILLISECONDS = 15_000
WENT_ON = "This conversation went on elsewhere, perhaps in another tab."


@pytest.fixture
def tabs(browser: Browser, stack: Stack, ada_visits: Visitor) -> Iterator[tuple[Page, Page]]:
    """Two tabs of Ada's with one conversation of one exchange; a script error fails the test."""
    with signed_in(browser, ada_visits) as first:
        complaints = watch_policy(first)
        first.goto("/playground/")
        say(first, "words=2 one")
        second = first.context.new_page()
        complaints_of_second = watch_policy(second)
        second.clock.install()
        second.goto(first.url)
        yield first, second
    # For a request that is under way a clock that is put forward runs out.
    heard = [line for line in complaints_of_second if "htmx:error: timeout" not in line]
    assert complaints + heard == []


def come_back(tab: Page, *, event: str = "focus") -> None:
    """Look at a tab again, a while after it was looked at before."""
    tab.clock.fast_forward(PAUSE_MILLISECONDS)
    tab.evaluate("(event) => (event === 'focus' ? window : document).dispatchEvent(new Event(event))", event)


def test_a_tab_that_is_looked_at_again_says_what_went_on_and_shows_it(tabs):
    first, second = tabs
    second.get_by_label("Message to").fill("half a thought")
    come_back(second)
    say(first, "words=3 two", answers=2)
    expect(second.locator("[data-elsewhere]")).to_have_count(0)

    come_back(second, event="visibilitychange")
    expect(second.locator("[data-elsewhere]")).to_have_text(WENT_ON)
    come_back(second)
    announced = second.locator("[data-announcer] p", has_text=WENT_ON)
    expect(announced).to_have_count(1)
    second.get_by_role("link", name="Show it").click()

    expect(second.locator(".said-text").nth(1)).to_have_text("words=3 two")
    expect(second.locator("[data-elsewhere]")).to_have_count(0)
    expect(second.get_by_label("Message to")).to_be_focused()
    assert second.get_by_label("Message to").input_value() == "half a thought"
    expect(announced).to_have_count(1)
    say(second, "words=1 three", answers=3)
    expect(second.locator(".versions")).to_have_count(0)


def test_an_answer_that_is_still_written_elsewhere_is_followed(tabs):
    first, second = tabs
    first.get_by_label("Message to").fill("words=60 pause=0.1 long")
    first.get_by_role("button", name="Send").click()
    expect(first.locator("[data-text]")).to_contain_text("w1 ")

    come_back(second)
    second.get_by_role("link", name="Show it").click()

    expect(second.locator("[data-text]")).to_contain_text("w3 ")
    expect(second.get_by_role("button", name="Stop")).to_be_visible()


def test_typing_asks_as_well_and_a_hidden_tab_asks_nothing(tabs):
    first, second = tabs
    say(first, "words=3 two", answers=2)
    asked = []
    second.on("request", lambda request: asked.append(request.url) if "/elsewhere/" in request.url else None)

    second.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    come_back(second)
    second.clock.fast_forward(PAUSE_MILLISECONDS)
    second.evaluate("delete document.hidden")
    assert asked == []
    second.get_by_label("Message to").press_sequentially("on my phone")
    expect(second.locator("[data-elsewhere]")).to_have_text(WENT_ON)
    come_back(second)

    assert len(asked) == 1
    assert second.get_by_label("Message to").input_value() == "on my phone"


def test_many_looks_ask_a_few_times_a_minute(tabs):
    _, second = tabs
    asked = []
    second.on("request", lambda request: asked.append(request.url) if "/elsewhere/" in request.url else None)

    come_back(second)
    for _ in range(60):
        second.evaluate("window.dispatchEvent(new Event('focus'))")
        second.clock.run_for(1000)

    assert 3 <= len(asked) <= 5


def test_a_message_from_the_tab_that_was_left_is_a_branch_beside_the_other(tabs):
    first, second = tabs
    say(first, "words=3 two", answers=2)

    say(second, "words=4 otherwise", answers=2)
    expect(second.locator("[data-elsewhere]")).to_contain_text("This conversation had gone on elsewhere")
    expect(second.get_by_label("Versions of this message")).to_contain_text("2 / 2")
    expect(second.get_by_label("Message to")).to_be_focused()
    second.get_by_role("link", name="Show the other branch").click()

    expect(second.locator(".said-text").nth(1)).to_have_text("words=3 two")
    expect(second.get_by_label("Versions of this message")).to_contain_text("1 / 2")
    expect(second.locator("[data-elsewhere]")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_line_is_accessible_and_fits(tabs, scheme, size):
    first, second = tabs
    second.emulate_media(color_scheme=scheme)
    second.set_viewport_size(size)
    say(first, "words=3 two", answers=2)
    come_back(second)
    expect(second.locator("[data-elsewhere]")).to_have_text(WENT_ON)
    _look(second, f"elsewhere-{scheme}-{size['width']}")

    say(second, "words=4 otherwise", answers=2)

    expect(second.locator("[data-elsewhere]")).to_contain_text("had gone on elsewhere")
    _look(second, f"elsewhere-branch-{scheme}-{size['width']}")


def _look(page: Page, name: str) -> None:
    assert_accessible(page)
    assert_fits(page)
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", caret="initial")
