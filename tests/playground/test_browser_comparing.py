"""Comparing, voting blind and judging answers in a real browser, on a desk and on a phone."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from playground.comparing import answers_of
from playground.models import Comparison, Feedback, Generation, PreferenceVote
from tests import cast
from tests.look.checks import PHONE, assert_accessible, assert_fits, watch_policy
from tests.playground.pages import signed_in
from tests.playground.stack import Stack, Visitor, wait_for
from tests.playground.test_streaming import words

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(180)]
DESK = {"width": 1440, "height": 900}


@pytest.fixture
def page(browser: Browser, stack: Stack, release, ada, ada_visits: Visitor) -> Iterator[Page]:
    """Ada's browser, with two releases to try; a policy violation or script error fails the test."""
    other = cast.release("zephyr", under=release.licence)
    release.programmes.first().releases.add(other)
    with signed_in(browser, ada_visits, viewport=DESK) as fresh:
        complaints = watch_policy(fresh)
        yield fresh
    assert [line for line in complaints if "Failed to load" not in line] == []


def look(page: Page, name: str) -> None:
    """Check the state, and keep a picture of it where PICTURES names a folder."""
    assert_accessible(page)
    assert_fits(page)
    if folder := os.environ.get("PICTURES"):
        # To hide the caret, Playwright would put a style into the page, which its policy refuses.
        page.screenshot(path=Path(folder) / f"{name}.png", caret="initial")


def begin(page: Page, prompt: str, *, is_blind: bool = False) -> None:
    """Compare the two releases on a prompt."""
    page.goto("/playground/compare/?column=tiny&column=zephyr")
    if is_blind:
        page.get_by_label("Blind").check()
    page.get_by_label("Message to all columns").fill(prompt)
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url(re.compile(r"/compare/[0-9a-f-]{36}/$"))


def test_both_columns_stream_at_once_and_the_next_prompt_asks_both(page):
    begin(page, "words=40 pause=0.05")

    texts = page.locator("[data-text]")
    expect(texts).to_have_count(2)
    expect(texts.nth(0)).to_contain_text("w3 ")
    expect(texts.nth(1)).to_contain_text("w3 ")
    assert "w39" not in texts.nth(0).inner_text()
    expect(page.get_by_role("button", name="Stop all")).to_be_visible()
    expect(page.locator(".answer[data-status=done]")).to_have_count(2)
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    assert page.locator(".answer-prose").all_inner_texts() == [words(40).strip()] * 2

    page.get_by_label("Message to all columns").fill("words=3")
    page.keyboard.press("Enter")
    expect(page.locator(".answer[data-status=done]")).to_have_count(4)
    assert page.get_by_label("Message to all columns").input_value() == ""
    assert Comparison.objects.count() == 1
    assert Generation.objects.count() == 4


def drafts(page: Page) -> list[str]:
    """The names under which the browser keeps what was typed."""
    return page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('playground:draft'))")


def test_a_draft_outlives_a_reload_until_it_is_sent_and_its_tokens_are_counted(page):
    page.goto("/playground/compare/?column=tiny&column=zephyr")
    box = page.get_by_label("Message to all columns")
    box.press_sequentially("words=2 please")
    expect(page.locator("#token-count")).to_contain_text("2 of 2,048 tokens")
    page.reload()
    expect(box).to_have_value("words=2 please")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".answer[data-status=done]")).to_have_count(2)
    wait_for(lambda: drafts(page) == [])

    box.press_sequentially("words=3")
    expect(page.locator("#token-count")).to_contain_text("5 of 2,048 tokens")
    page.reload()
    expect(box).to_have_value("words=3")
    page.goto("/playground/compare/")
    expect(box).to_have_value("")
    page.go_back()
    box.press("Enter")
    expect(page.locator(".answer[data-status=done]")).to_have_count(4)
    assert drafts(page) == []


def test_a_comparison_that_is_not_kept_says_so_and_leaves_no_draft(page):
    page.goto("/playground/compare/?column=tiny&column=zephyr")
    box = page.get_by_label("Message to all columns")
    box.press_sequentially("words=2")
    assert len(drafts(page)) == 1
    page.get_by_label("Don't keep this comparison").check()
    assert drafts(page) == []
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("This comparison is not kept.")).to_be_visible()
    expect(page.locator(".answer[data-status=done]")).to_have_count(2)
    look(page, "compare-unkept")

    box.press_sequentially("More")

    assert drafts(page) == []
    page.locator("summary[aria-label='This comparison']").click()
    page.get_by_role("link", name="End and delete now").click()
    page.get_by_role("button", name="Delete it").click()
    page.wait_for_url(re.compile(r"/compare/$"))
    assert Comparison.objects.count() == 0


def test_escape_stops_all_and_a_reload_goes_on(page):
    begin(page, "words=300 pause=0.05")
    expect(page.locator("[data-text]").nth(1)).to_contain_text("w3 ")
    page.reload()
    expect(page.locator("[data-text]").nth(1)).to_contain_text("w9 ")

    page.keyboard.press("Escape")

    expect(page.locator(".answer[data-status=cancelled]")).to_have_count(2)
    for letter in "AB":
        expect(page.locator("[data-announcer]")).to_contain_text(f"{letter}: You stopped this answer.")
    page.get_by_role("button", name="Retry").first.click()
    expect(page.locator("[data-text]")).to_have_count(1)
    page.get_by_role("button", name="Stop all").click()
    expect(page.locator(".answer[data-status=cancelled]")).to_have_count(2)
    assert Generation.objects.count() == 3


def test_ada_votes_blind_with_the_keyboard(page):
    begin(page, "words=5", is_blind=True)
    expect(page.get_by_text("Which is better?")).to_be_visible()
    assert "Tiny" not in page.locator("main").inner_text()
    assert "Zephyr" not in page.content()

    page.get_by_label("B is better").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")

    expect(page.get_by_text("You voted: B is better.")).to_be_visible()
    expect(page.locator(".board-columns")).to_contain_text("Zephyr")
    expect(page.locator("#board")).to_be_focused()
    made = PreferenceVote.objects.get()
    assert (made.was_blind, made.winner) == (True, answers_of(made.comparison, 0)[1])
    page.reload()
    expect(page.get_by_role("button", name="Vote")).to_have_count(0)


def test_a_choice_made_as_the_last_answer_is_shown_is_kept(page):
    late: list[Route] = []

    def hold(route: Route) -> None:
        late.append(route)

    page.route(re.compile(r"/generations/[0-9a-f-]{36}/$"), hold)
    begin(page, "words=10 pause=0.1", is_blind=True)
    wait_for(lambda: not Generation.objects.live().exists())
    expect(page.locator("[data-text]")).to_have_count(2)
    wait_for(lambda: page.wait_for_timeout(50) or len(late) == 2)
    late.pop().continue_()

    choice = page.get_by_label("B is better")
    choice.check()
    with page.expect_response(late[0].request.url):
        late[0].continue_()
    expect(page.locator(".answer[data-status=done]")).to_have_count(2)

    expect(choice).to_be_checked()
    expect(choice).to_be_focused()
    page.get_by_role("button", name="Vote").click()
    expect(page.get_by_text("You voted: B is better.")).to_be_visible()
    assert PreferenceVote.objects.count() == 1


def test_what_is_open_in_earlier_rounds_is_kept_when_the_next_one_is_asked(page):
    begin(page, "words=5")
    page.get_by_label("All are bad").check()
    page.get_by_role("link", name="Bad answer").first.click()
    page.get_by_label("Comment").fill("Half a thought")

    page.get_by_label("Message to all columns").fill("words=3")
    page.keyboard.press("Enter")
    expect(page.locator(".answer[data-status=done]")).to_have_count(4)

    expect(page.get_by_label("All are bad").first).to_be_checked()
    expect(page.get_by_label("All are bad").last).not_to_be_checked()
    expect(page.get_by_label("Comment")).to_have_value("Half a thought")
    page.get_by_role("button", name="Send to staff").click()
    expect(page.locator(".feedback-box").first).to_contain_text("Thank you")
    assert Feedback.objects.get().comment == "Half a thought"


def test_who_types_on_while_the_feedback_opens_keeps_the_keyboard(page):
    begin(page, "words=3")
    # In the very moment in which the form comes.
    page.evaluate(
        """() => new MutationObserver((_, watch) => {
             if (!document.querySelector("[name=rating]")) return;
             watch.disconnect();
             document.querySelector("#composer [name=prompt]").focus();
           }).observe(document.body, { childList: true, subtree: true })"""
    )
    page.get_by_role("link", name="Bad answer").first.click()
    expect(page.get_by_role("radio", name="Bad")).to_be_visible()
    page.wait_for_timeout(200)
    expect(page.get_by_label("Message to all columns")).to_be_focused()


def test_the_keyboard_stays_with_the_columns_as_they_come_and_go(page):
    page.goto("/playground/compare/")
    page.get_by_role("button", name="Add a column").press("Enter")
    expect(page.locator(".compare-column")).to_have_count(3)
    expect(page.get_by_role("button", name="Add a column")).to_be_focused()
    page.keyboard.press("Enter")
    # No further one can be added.
    expect(page.locator("#id_c3-model")).to_be_focused()
    page.get_by_role("button", name="Remove column 2").press("Enter")
    expect(page.locator(".compare-column")).to_have_count(3)
    expect(page.get_by_role("button", name="Remove column 2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".compare-column")).to_have_count(2)
    expect(page.get_by_role("button", name="Add a column")).to_be_focused()


def test_a_wrong_setting_of_a_column_is_where_one_goes_on(page):
    page.goto("/playground/compare/")
    page.get_by_label("Message to all columns").fill("words=2")
    page.locator("#id_c1-temperature").fill("9")
    page.get_by_role("button", name="Compare").press("Enter")
    expect(page.get_by_text("Enter a temperature from 0 to 2.")).to_be_visible()
    expect(page.locator("#id_c1-temperature")).to_be_focused()


def test_ada_builds_columns_with_and_without_scripts(page, browser, ada_visits):
    page.goto("/playground/compare/")
    page.get_by_label("Temperature").first.fill("1.5")
    page.get_by_role("button", name="Add a column").click()
    expect(page.locator(".compare-column")).to_have_count(3)
    expect(page.get_by_role("button", name="Add a column")).to_be_focused()
    page.get_by_role("button", name="Remove column 2").click()
    expect(page.locator(".compare-column")).to_have_count(2)
    assert page.get_by_label("Temperature").first.input_value() == "1.5"

    plain = browser.new_context(java_script_enabled=False, base_url=ada_visits.base_url)
    plain.add_cookies(page.context.cookies())
    bare = plain.new_page()
    bare.goto("/playground/compare/")
    bare.get_by_role("button", name="Add a column").click()
    expect(bare.locator(".compare-column")).to_have_count(3)
    bare.get_by_label("Message to all columns").fill("words=2")
    bare.get_by_role("button", name="Compare").click()
    bare.wait_for_url(re.compile(r"/compare/[0-9a-f-]{36}/$"))
    wait_for(lambda: not Generation.objects.live().exists())
    bare.reload()
    bare.get_by_label("As good as each other").check()
    bare.get_by_role("button", name="Vote").click()
    expect(bare.get_by_text("You voted: As good as each other.")).to_be_visible()
    plain.close()


def test_ada_judges_an_answer_by_keyboard_and_takes_it_back(page):
    page.goto("/playground/")
    page.get_by_label("Message to").fill("words=4")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".answer[data-status=done]")).to_have_count(1)

    page.get_by_role("link", name="Bad answer").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio", name="Bad")).to_be_focused()
    expect(page.get_by_text("Staff will read this answer")).to_be_visible()
    page.get_by_label("Made up").check()
    page.get_by_label("A better answer").fill("Four words of mine")
    page.get_by_role("button", name="Send to staff").click()

    expect(page.locator(".feedback-box")).to_contain_text("Thank you: staff will read it.")
    expect(page.locator("[data-announcer]")).to_contain_text("Thank you: staff will read it.")
    expect(page.get_by_role("link", name="Bad answer")).to_be_focused()
    given = Feedback.objects.get()
    assert (given.rating, given.tags, given.correction) == (-1, ["made_up"], "Four words of mine")
    expect(page.get_by_role("link", name="Bad answer")).to_have_attribute("aria-current", "true")
    page.reload()
    page.get_by_role("link", name="Good answer").click()
    expect(page.get_by_label("A better answer")).to_have_value("Four words of mine")
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator(".feedback-box")).to_have_text("What you said of this answer is deleted.")
    assert Feedback.objects.count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_state_is_accessible_and_fits(page, scheme, size):
    name = f"{size['width']}-{scheme}"
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    page.goto("/playground/compare/?column=tiny&column=zephyr&column=tiny&column=zephyr")
    look(page, f"compare-four-{name}")
    page.get_by_label("Temperature").first.fill("9")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Type a message first.")).to_be_visible()
    look(page, f"compare-wrong-{name}")
    begin(page, "words=60 pause=0.1 Tell me something that takes a while.", is_blind=True)
    expect(page.locator("[data-text]").nth(1)).to_contain_text("w5 ")
    look(page, f"compare-streaming-{name}")
    page.get_by_role("button", name="Stop all").click()
    expect(page.locator(".answer[data-status=cancelled]")).to_have_count(2)
    look(page, f"compare-blind-{name}")
    page.get_by_label("A is better").check()
    page.get_by_role("button", name="Vote").click()
    expect(page.get_by_text("You voted")).to_be_visible()
    page.get_by_role("link", name="Bad answer").first.click()
    expect(page.get_by_text("Staff will read this answer")).to_be_visible()
    look(page, f"compare-voted-{name}")
    page.goto(page.get_by_role("link", name="Good answer").first.get_attribute("href"))
    look(page, f"feedback-page-{name}")
