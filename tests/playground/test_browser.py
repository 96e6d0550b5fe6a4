"""The playground in a real browser: streaming, stopping, reloading, drafts, the keyboard, what axe finds."""

from collections.abc import Iterator

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, Page, expect

from playground.models import Generation, GenerationStatus
from tests.look.checks import DESK, PHONE, assert_accessible, assert_fits, watch_policy
from tests.playground.pages import signed_in
from tests.playground.stack import Stack, Visitor, wait_for
from tests.playground.test_streaming import words

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(120)]


@pytest.fixture
def page(browser: Browser, stack: Stack, ada_visits: Visitor) -> Iterator[Page]:
    """Ada's browser; a policy violation or script error fails the test."""
    with signed_in(browser, ada_visits) as fresh:
        complaints = watch_policy(fresh)
        yield fresh
    # A form sent back with 4xx is an answer; a server that a test restarts cannot be reached meanwhile.
    expected = ("Failed to load", "Failed to fetch")
    assert [line for line in complaints if not any(words in line for words in expected)] == []


def say(page: Page, words_to_say: str) -> None:
    """Type a message and press Enter."""
    page.get_by_label("Message to").fill(words_to_say)
    page.keyboard.press("Enter")


def test_ada_talks_and_reads_along(page, stack):
    page.goto("/playground/")
    say(page, "words=40 pause=0.05")

    expect(page.locator("[data-text]")).to_contain_text("w3 ")
    partly = page.locator("[data-text]").inner_text()
    assert "w39" not in partly
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.reload()
    expect(page.locator(".answer[data-status=done]")).to_have_count(1)

    assert page.locator(".answer-prose").inner_text() == words(40).strip()
    expect(page.locator("[data-announcer]")).to_contain_text("The answer is complete.")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(page.locator(".answer-facts")).to_contain_text("40 tokens")
    assert page.url.endswith(f"/playground/{Generation.objects.get().turn.conversation_id}/")

    say(page, "words=2")
    expect(page.locator(".answer[data-status=done]")).to_have_count(2)
    assert page.get_by_label("Message to").input_value() == ""


def test_ada_stops_with_escape_and_asks_again(page, stack):
    page.goto("/playground/")
    say(page, "words=300 pause=0.05")
    expect(page.locator("[data-text]")).to_contain_text("w3 ")

    page.keyboard.press("Escape")
    expect(page.locator(".answer[data-status=cancelled]")).to_have_count(1)
    told = page.locator("[data-told]")
    expect(told).to_contain_text("You stopped this answer. What had come is kept:")
    expect(told).to_contain_text("tokens held for it are given back.")
    expect(page.locator("[data-announcer]")).to_contain_text(told.inner_text())
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("[data-text]")).to_contain_text("w3 ")
    page.get_by_role("button", name="Stop").click()

    expect(page.locator(".answer[data-status=cancelled]")).to_have_count(1)
    assert set(Generation.objects.values_list("status", flat=True)) == {GenerationStatus.CANCELLED}


def test_shift_and_enter_starts_a_new_line(page):
    page.goto("/playground/")
    page.get_by_label("Message to").fill("words=1")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("please")

    assert page.get_by_label("Message to").input_value() == "words=1\nplease"
    assert Generation.objects.count() == 0


def test_a_draft_outlives_a_reload_and_a_lost_session(page):
    page.goto("/playground/")
    page.get_by_label("Message to").fill("A long thought")
    page.reload()
    assert page.get_by_label("Message to").input_value() == "A long thought"

    Session.objects.all().delete()
    page.get_by_label("Message to").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#composer-notice")).to_contain_text("You have been signed out")
    assert page.get_by_label("Message to").input_value() == "A long thought"
    assert Generation.objects.count() == 0


def test_a_setting_out_of_range_is_shown_where_it_is(page):
    page.set_viewport_size(PHONE)
    page.goto("/playground/")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Temperature").fill("9")
    page.keyboard.press("Escape")
    say(page, "words=1")

    expect(page.locator("#settings")).to_contain_text("Enter a temperature from 0 to 2.")
    expect(page.get_by_label("Temperature")).to_be_focused()
    assert page.get_by_label("Temperature").input_value() == "9"
    assert page.get_by_label("Message to").input_value() == "words=1"


def test_the_web_server_restarts_in_mid_stream(page, stack):
    page.goto("/playground/")
    say(page, "words=80 pause=0.1")
    expect(page.locator("[data-text]")).to_contain_text("w3 ")

    stack.kill("web")
    stack.start_web()

    expect(page.locator(".answer[data-status=done]")).to_have_count(1, timeout=30_000)
    assert page.locator(".answer-prose").inner_text() == words(80).strip()


def test_hostile_words_stay_words_while_they_stream(page):
    hostile = "words=1 echo=1 pause=2 <img src=x onerror=alert(1)><script>alert(2)</script>"
    page.goto("/playground/")
    say(page, hostile)

    expect(page.locator("[data-text]")).to_have_text(hostile)
    assert page.locator(".turn img, .turn script").count() == 0
    expect(page.locator(".answer[data-status=done]")).to_have_count(1)
    assert page.locator(".said-text").inner_text() == hostile
    assert page.locator(".answer-prose").inner_text() == hostile
    assert page.locator(".turn img, .turn script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_state_is_accessible_and_fits(page, scheme, size):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    page.goto("/playground/")
    _check(page)
    say_by_button(page, "words=60 pause=0.1")
    expect(page.locator("[data-text]")).to_contain_text("w1 ")
    _check(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".answer[data-status=cancelled]")).to_have_count(1)
    say_by_button(page, "words=5 die=3")
    expect(page.locator(".answer[data-status=failed]")).to_have_count(1)
    wait_for(lambda: not Generation.objects.live().exists())
    _check(page)
    page.goto("/playground/?release=nothing")
    _check(page)


def say_by_button(page: Page, words_to_say: str) -> None:
    """Type a message and press the button, as on a phone."""
    page.get_by_label("Message to").fill(words_to_say)
    page.get_by_role("button", name="Send").click()


def _check(page: Page) -> None:
    assert_accessible(page)
    assert_fits(page)
