"""Branches, the list of conversations and the token counter in a real browser, on a desk and on a phone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from playground.models import Conversation, Generation
from tests.look.checks import PHONE, assert_accessible, assert_fits, watch_policy
from tests.playground.pages import ask_again, say, signed_in
from tests.playground.stack import Stack, Visitor, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(120)]


@pytest.fixture
def page(browser: Browser, stack: Stack, ada_visits: Visitor) -> Iterator[Page]:
    """Ada's browser; a policy violation or script error fails the test."""
    with signed_in(browser, ada_visits) as fresh:
        complaints = watch_policy(fresh)
        yield fresh
    assert [line for line in complaints if "Failed to load" not in line] == []


def look(page: Page, name: str) -> None:
    """Check the state, and keep a picture of it where PICTURES names a folder."""
    # A click does not wait for the page that it leads to.
    expect(page.locator("main h1")).to_have_count(1)
    assert_accessible(page)
    assert_fits(page)
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_ada_edits_a_message_and_walks_between_the_branches(page):
    page.goto("/playground/")
    say(page, "words=3 one", answers=1)
    say(page, "words=4 two", answers=2)

    page.locator(".turn-edit summary").nth(1).click()
    editor = page.locator("[data-edited-prompt]").nth(1)
    expect(editor).to_be_focused()
    editor.fill("words=2 otherwise")
    page.keyboard.press("Enter")

    expect(page.locator(".said-text").nth(1)).to_have_text("words=2 otherwise")
    expect(page.locator(".answer[data-status=done]")).to_have_count(2)
    expect(page.get_by_label("Versions of this message")).to_contain_text("2 / 2")
    page.get_by_role("link", name="Earlier version").click()
    expect(page.locator(".said-text").nth(1)).to_have_text("words=4 two")
    page.reload()
    expect(page.locator(".said-text").nth(1)).to_have_text("words=4 two")

    say(page, "words=1 on the older branch", answers=3)
    last = Generation.objects.order_by("queued_at").last()
    assert last.turn.follows.text == "w0 w1 w2 w3 "


def test_ada_asks_for_another_answer_with_other_settings_and_has_one_continued(page):
    page.goto("/playground/")
    say(page, "words=3 one", answers=1)
    page.get_by_label("Temperature").fill("0.2")

    ask_again(page, "Regenerate", version="2 / 2")
    ask_again(page, "Continue", version="3 / 3")

    first, second, third = Generation.objects.order_by("queued_at")
    assert (first.params["temperature"], second.params["temperature"]) == (0.7, 0.2)
    assert (third.prefix, third.text) == (second.text, second.text + "w0 w1 w2 w3 w4 ")
    assert page.locator(".answer-prose").inner_text() == third.text.strip()


def test_a_wrong_setting_is_said_beside_the_composer_when_asking_again(page):
    page.goto("/playground/")
    say(page, "words=3 one", answers=1)
    page.get_by_label("Temperature").fill("7")

    page.get_by_role("button", name="Regenerate").click()

    expect(page.locator("#composer-notice")).to_contain_text("Enter a temperature from 0 to 2.")
    assert Generation.objects.count() == 1


def test_ada_finds_renames_and_deletes_a_conversation(page):
    page.goto("/playground/")
    say(page, "words=3 about teapots", answers=1)
    page.get_by_role("link", name="New conversation").click()
    say(page, "words=2 about the sea", answers=1)

    page.get_by_label("Search your conversations").fill("teap")
    expect(page.locator("#talk-list li a")).to_have_count(1)
    page.get_by_role("link", name="words=3 about teapots").click()
    page.get_by_label("This conversation", exact=True).click()
    page.get_by_label("Title").fill("Teapots")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="Teapots")).to_be_visible()
    page.get_by_label("This conversation", exact=True).click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()

    expect(page.get_by_text("The conversation is deleted")).to_be_visible()
    assert [one.title for one in Conversation.objects.all()] == ["words=2 about the sea"]


def test_what_is_not_kept_says_so_and_leaves_no_draft(page):
    page.goto("/playground/")
    page.get_by_label("Don't keep this conversation").check()
    page.get_by_label("Message to").fill("words=2 a secret")
    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('playground:draft'))") == []
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".answer[data-status=done]")).to_have_count(1)
    page.reload()

    expect(page.get_by_text("This conversation is not kept.")).to_be_visible()
    assert Conversation.objects.get().title == "Not kept"
    page.get_by_label("This conversation", exact=True).click()
    page.get_by_role("link", name="End and delete now").click()
    page.get_by_role("button", name="Delete it").click()
    wait_for(lambda: Conversation.objects.count() == 0)


def test_tokens_are_counted_while_ada_types(page):
    page.goto("/playground/")
    page.get_by_label("Message to").press_sequentially("one two three")

    expect(page.locator("#token-count")).to_contain_text("3 of 2,048 tokens")
    page.get_by_label("Message to").fill("prompt=1999 much")
    expect(page.locator("#token-count")).to_contain_text("The answer will be cut")
    page.get_by_label("Message to").fill("words=2 to be sent")
    expect(page.locator("#token-count")).to_contain_text("4 of 2,048 tokens")
    held: list[Route] = []
    page.route("**/playground/count/", lambda route: held.append(route))  # noqa: PLW0108 - it wants a function
    page.get_by_label("Temperature").fill("0.5")
    page.wait_for_timeout(600)

    say(page, "words=2 to be sent")
    expect(page.locator("#token-count")).to_be_empty()
    # What was asked before it was sent comes behind it.
    for route in held:
        route.continue_()
    page.wait_for_timeout(300)

    assert held
    expect(page.locator("#token-count")).to_be_empty()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{"width": 1440, "height": 900}, PHONE], ids=["desk", "phone"])
def test_every_state_is_accessible_and_fits(page, scheme, size):
    name = f"{scheme}-{size['width']}"
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    page.goto("/playground/")
    say(page, "words=60 Tell me about the sea, in a few words", answers=1)
    page.get_by_role("button", name="Regenerate").click()
    expect(page.get_by_label("Versions of this answer")).to_contain_text("2 / 2")
    expect(page.locator(".answer[data-status=done]")).to_have_count(1)
    look(page, f"talk-{name}")
    page.locator(".turn-edit summary").click()
    page.get_by_label("This conversation", exact=True).click()
    # Only at the end does nothing stand half below the composer.
    page.evaluate("window.scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' })")
    look(page, f"menu-{name}")
    page.reload()
    if size == PHONE:
        page.get_by_role("button", name="Settings").click()
    for group in page.locator(".settings-group summary").all():
        group.click()
    look(page, f"settings-{name}")
    page.reload()
    page.get_by_role("link", name="Code", exact=True).click()
    expect(page.get_by_role("heading", name="The call behind this answer")).to_be_visible()
    look(page, f"code-{name}")
    page.goto("/playground/conversations/")
    look(page, f"list-{name}")
    page.goto("/playground/conversations/?q=nothing+like+it")
    look(page, f"none-{name}")
