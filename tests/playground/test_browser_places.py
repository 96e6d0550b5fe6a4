"""Where panels, menus and the focus are after each step, with a keyboard and on a phone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from playground.models import Conversation
from tests.look.checks import DESK, PHONE, assert_accessible, assert_fits
from tests.playground.pages import ask_again, say, signed_in
from tests.playground.stack import Stack, Visitor
from tests.playground.test_comparing import compare, end_all

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(120)]
NARROW = {"width": 1000, "height": 800}


@pytest.fixture
def page(browser: Browser, stack: Stack, ada_visits: Visitor) -> Iterator[Page]:
    """Ada's browser on a desk."""
    yield from opened(browser, ada_visits)


@pytest.fixture
def phone(browser: Browser, stack: Stack, ada_visits: Visitor) -> Iterator[Page]:
    """Ada's browser on a phone that is touched."""
    yield from opened(browser, ada_visits, viewport=PHONE, has_touch=True, is_mobile=True)


def opened(browser: Browser, visitor: Visitor, **options: object) -> Iterator[Page]:
    """The playground's page in a browser in which somebody is signed in."""
    with signed_in(browser, visitor, **options) as fresh:
        fresh.goto("/playground/")
        yield fresh


def look(page: Page, name: str) -> None:
    """Check the state, and keep a picture of it where PICTURES names a folder."""
    assert_accessible(page)
    assert_fits(page)
    if folder := os.environ.get("PICTURES"):
        path = Path(folder) / f"{name}-{page.viewport_size['width']}.png"
        page.screenshot(path=path, caret="initial")


def test_a_wrong_setting_is_shown_in_its_panel_beside_the_thread(page):
    output = page.locator("#settings summary", has_text="Output")
    output.click()
    page.get_by_label("JSON schema").fill("{bad")
    page.get_by_label("Message to").fill("words=3")
    output.click()

    page.get_by_role("button", name="Send").click()

    expect(page.get_by_label("JSON schema")).to_be_focused()
    expect(page.locator(":popover-open")).to_have_count(0)
    assert page.locator("#settings").bounding_box()["x"] > page.locator(".talk").bounding_box()["x"]


def test_a_panel_goes_back_into_its_place_when_the_page_becomes_wide(page):
    page.set_viewport_size(NARROW)
    page.get_by_role("button", name="Settings").click()
    expect(page.locator("#settings:popover-open")).to_have_count(1)

    page.set_viewport_size(DESK)

    expect(page.locator(":popover-open")).to_have_count(0)
    expect(page.get_by_label("Temperature")).to_be_visible()


def test_who_opens_a_talk_or_a_comparison_types_at_once(page, phone, ada, release, zephyr):
    made = compare(ada, release, zephyr)
    end_all(made)
    talk = Conversation.objects.create(user=ada, release=release, title="Talk")

    for path in ("/playground/", talk.get_absolute_url(), made.get_absolute_url()):
        page.goto(path)
        expect(page.locator("#composer textarea[name=prompt]")).to_be_focused()
        phone.goto(path)
        expect(phone.locator("[data-scripted] #composer textarea[name=prompt]")).not_to_be_focused()
    # Columns are chosen first.
    page.goto("/playground/compare/")
    expect(page.locator("[data-scripted] #composer textarea[name=prompt]")).not_to_be_focused()


def test_who_stops_by_the_button_may_type_at_once(page):
    page.get_by_label("Message to").fill("words=400 pause=0.05")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("[data-text]")).to_contain_text("w3")

    page.get_by_role("button", name="Stop").click()

    expect(page.locator(".answer[data-status=cancelled]")).to_have_count(1)
    expect(page.get_by_label("Message to")).to_be_focused()


def test_the_keyboard_walks_on_between_versions_and_leaves_an_editor(page):
    say(page, "words=3 one")
    ask_again(page, "Regenerate", version="2 / 2")
    ask_again(page, "Regenerate", version="3 / 3")

    page.get_by_role("link", name="Earlier version").press("Enter")
    expect(page.get_by_label("Versions of this answer")).to_contain_text("2 / 3")
    expect(page.get_by_role("link", name="Earlier version")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Versions of this answer")).to_contain_text("1 / 3")
    expect(page.get_by_role("link", name="Later version")).to_be_focused()

    page.locator(".turn-edit summary").press("Enter")
    expect(page.locator("[data-edited-prompt]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".turn-edit summary")).to_be_focused()
    expect(page.locator(".turn-edit[open]")).to_have_count(0)


def test_escape_shuts_the_menu_before_it_stops_an_answer(page):
    page.get_by_label("Message to").fill("words=400 pause=0.05")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("[data-text]")).to_contain_text("w3")
    page.get_by_label("This conversation", exact=True).click()

    page.keyboard.press("Escape")
    expect(page.locator(".talk-more[open]")).to_have_count(0)
    page.wait_for_timeout(300)
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".answer[data-status=cancelled]")).to_have_count(1)


def test_a_new_conversation_names_its_tab_and_counts_one_token_as_one(page):
    say(page, "words=1 About teapots")

    assert page.title().startswith("words=1 About teapots ·")
    expect(page.locator(".answer-facts")).to_contain_text("1 token")
    expect(page.locator(".answer-facts")).not_to_contain_text("1 tokens")


def test_tokens_by_probability_open_below_their_answer(page):
    page.locator("#settings summary", has_text="Output").click()
    page.get_by_label("Log-probabilities").check()
    say(page, "words=3 one")

    page.get_by_text("Tokens by probability").click()

    expect(page.locator(".turn .token")).to_have_count(3)
    first, second, _ = (token.bounding_box() for token in page.locator(".turn .token").all())
    assert abs(second["x"] - first["x"] - first["width"]) < 1
    page.locator(".turn .token").nth(1).click()
    card = page.locator(".turn .token-card").nth(1)
    expect(card).to_be_visible()
    assert card.bounding_box()["y"] + card.bounding_box()["height"] < second["y"] + second["height"] / 2


def test_a_phone_does_not_bring_its_keyboard_back_over_the_answer(phone):
    phone.get_by_label("Message to").tap()
    say(phone, "words=3 one")

    expect(phone.get_by_label("Message to")).not_to_be_focused()
    phone.get_by_role("button", name="Regenerate").tap()
    expect(phone.get_by_label("Versions of this answer")).to_contain_text("2 / 2")
    expect(phone.get_by_label("Message to")).not_to_be_focused()


def test_a_wrong_edit_is_mended_in_its_editor_and_the_composer_keeps_its_words(page):
    say(page, "words=3 one")
    page.get_by_label("Message to").fill("a draft")
    page.locator(".turn-edit summary").click()
    editor = page.locator("[data-edited-prompt]")
    expect(editor).to_be_focused()
    editor.fill("")
    page.get_by_role("button", name="Send this instead").click()
    expect(page.locator("#composer-notice")).to_contain_text("Type a message first.")
    expect(editor).to_be_focused()

    page.get_by_label("Temperature").fill("9")
    editor.fill("words=2 otherwise")
    editor.press("Enter")
    expect(page.locator("#composer-notice")).to_contain_text("Enter a temperature from 0 to 2.")
    expect(page.get_by_label("Temperature")).to_be_focused()
    expect(editor).to_have_value("words=2 otherwise")
    expect(page.get_by_label("Message to")).to_have_value("a draft")

    page.get_by_label("Temperature").fill("1")
    editor.press("Enter")
    expect(page.get_by_label("Versions of this message")).to_contain_text("2 / 2")
    expect(page.locator(".said-text")).to_have_text(["words=2 otherwise"])
    expect(page.get_by_label("Message to")).to_have_value("a draft")


def test_on_a_slow_network_a_message_is_sent_once_and_what_is_typed_behind_it_stays(page):
    held: list[Route] = []
    page.route("**/playground/send/", lambda route: held.append(route))  # noqa: PLW0108
    page.get_by_label("Message to").fill("words=3 one\nand a line")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.type(" the next one")
    page.wait_for_timeout(300)

    assert len(held) == 1
    held.pop().continue_()
    expect(page.locator(".answer[data-status=done]")).to_have_count(1)
    page.wait_for_timeout(300)

    assert held == []
    expect(page.locator(".turn")).to_have_count(1)
    expect(page.get_by_label("Message to")).to_have_value("the next one")
    page.reload()
    expect(page.get_by_label("Message to")).to_have_value("the next one")
    page.goto("/playground/")
    expect(page.get_by_label("Message to")).to_have_value("")


def test_on_a_slow_network_a_refused_message_keeps_what_is_typed_behind_it(page):
    held: list[Route] = []
    page.route("**/playground/send/", lambda route: held.append(route))  # noqa: PLW0108
    page.get_by_label("Temperature").fill("9")
    page.get_by_label("Message to").fill("words=3 one")
    page.keyboard.press("Enter")
    page.keyboard.type(" and more")
    page.wait_for_timeout(300)

    held.pop().continue_()

    expect(page.locator("#composer-notice")).to_contain_text("Enter a temperature from 0 to 2.")
    expect(page.get_by_label("Message to")).to_have_value("words=3 one and more")


def test_on_a_phone_the_panels_are_reached_from_within_a_long_conversation(phone):
    say(phone, "words=400 one")
    phone.evaluate("window.scrollTo({ top: 700, behavior: 'instant' })")

    expect(phone.get_by_role("button", name="Settings")).to_be_in_viewport()
    expect(phone.locator(".talk-menu")).to_be_in_viewport()
    expect(phone.get_by_role("link", name="Open Weights Portal").first).not_to_be_in_viewport()
    phone.get_by_label("This conversation", exact=True).tap()
    expect(phone.get_by_role("link", name="Export as JSON")).to_be_in_viewport()


# Where the letters of a paragraph end, against the paragraph itself.
LEFT_AT_THE_END = """element => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return element.getBoundingClientRect().right - range.getBoundingClientRect().right;
}"""


def test_words_from_right_to_left_begin_on_the_right(page):
    say(page, "words=1 echo=1\n\nשמש, כתב?\n\nHello")

    first, hebrew, english = page.locator(".answer-prose p").all()
    assert hebrew.evaluate(LEFT_AT_THE_END) < 1
    assert min(first.evaluate(LEFT_AT_THE_END), english.evaluate(LEFT_AT_THE_END)) > 100


TOOL = '[{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]'


def test_what_called_tools_returned_is_typed_in_once(page):
    page.locator("#settings summary", has_text="Output").click()
    page.get_by_label("Tools").fill(TOOL)
    say(page, "words=2 call=2")
    told = "The model called 2 tools and waits. Type in what they returned."
    expect(page.locator("[data-announcer]")).to_contain_text(told)
    look(page, "tools-called")

    page.get_by_label("Result of add (1 of 2)").fill("3")
    page.get_by_label("Result of add (2 of 2)").fill("4")
    page.get_by_role("button", name="Send what they returned").press("Enter")

    expect(page.locator(".answer[data-status=done]")).to_have_count(2)
    # What has its results asks for none, and takes others.
    expect(page.get_by_label("Result of add (1 of 2)")).to_be_hidden()
    look(page, "tools-answered")
    page.get_by_text("Send other results").press("Enter")
    page.get_by_label("Result of add (1 of 2)").fill("5")
    page.get_by_label("Result of add (2 of 2)").fill("6")
    page.get_by_role("button", name="Send what they returned").press("Enter")
    expect(page.get_by_label("Versions of this message")).to_contain_text("2 / 2")


def test_the_keyboard_goes_into_the_form_of_a_preset_and_back(page):
    page.get_by_label("Message to").fill("words=3")
    opener = page.get_by_role("button", name="Save as preset")
    opener.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Enter a name for the new preset.")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()

    page.keyboard.type("Three words")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Saved as version 1 of")).to_be_visible()
    expect(opener).to_be_focused()
    expect(page.get_by_label("Message to")).to_have_value("words=3")
    # It is there to be loaded, and what is saved next is a version of it.
    expect(page.locator("#preset-choice option:checked")).to_have_text("Three words")
    opener.press("Enter")
    expect(page.get_by_label("Save as", exact=True)).to_be_focused()
    expect(page.get_by_label("Save as", exact=True).locator("option:checked")).to_contain_text("Three words")


def test_what_else_a_token_might_have_been_fits_on_a_phone(phone):
    phone.get_by_role("button", name="Settings").tap()
    phone.locator("#settings summary", has_text="Output").tap()
    phone.get_by_label("Log-probabilities").check()
    phone.get_by_role("button", name="Close").last.tap()
    say(phone, "words=20 one")
    phone.get_by_text("Tokens by probability").tap()

    for token, card in zip(phone.locator(".token").all(), phone.locator(".token-card").all(), strict=True):
        token.tap()
        expect(card).to_be_visible()
        assert card.bounding_box()["y"] >= token.bounding_box()["y"] + 16
        assert_fits(phone)


def test_what_is_wrong_with_a_message_goes_as_it_is_put_right(page):
    page.get_by_role("button", name="Send").click()
    complaint = page.locator("#composer-notice").get_by_text("Type a message first.")
    expect(complaint).to_be_visible()
    expect(page.get_by_label("Message to")).to_be_focused()

    page.keyboard.type("w")

    expect(complaint).to_have_count(0)


def test_the_ways_out_of_the_side_bar_are_in_reach_below_a_long_list(page, phone, ada, release):
    Conversation.objects.bulk_create(
        Conversation(user=ada, release=release, title=f"Talk {number}") for number in range(60)
    )
    for place in (page, phone):
        place.reload()
        if place is phone:
            place.get_by_role("button", name="Conversations").click()
        expect(place.get_by_role("link", name="Runs with test cases")).to_be_in_viewport()
        look(place, "side-bar")


def test_a_pasted_file_is_folded_and_unfolds(page, phone):
    pasted = "words=3 " + "one line of a pasted file\n" * 100 + "its end"
    for place in (page, phone):
        say(place, pasted)
        said = place.locator(".said")
        expect(said.get_by_text("its end")).to_be_hidden()
        assert said.bounding_box()["height"] < 350
        look(place, "folded")

        said.get_by_text("Show all 2,615 characters").click()

        expect(said.get_by_text("its end")).to_be_visible()
        expect(said.locator(".said-opening")).to_be_hidden()
        expect(said.get_by_text("Show its beginning only")).to_be_visible()
        look(place, "unfolded")
