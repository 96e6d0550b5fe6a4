"""The playground with the real model, as a developer on a laptop uses it."""

import json
import re

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.journey import steps
from tests.look.checks import PHONE, assert_accessible, assert_fits

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.live, pytest.mark.timeout(180)]

MODEL = "smollm2-135m-instruct"
SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green", "blue"]}},
    "required": ["colour"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def ada(live_portal, new_page) -> Page:
    """The developer of the demonstration data, signed in."""
    page = new_page()
    steps.sign_in(page, live_portal.url, email="developer@example.com")
    return page


def say(page: Page, words: str, *, answers: int, max_tokens: int = 24) -> str:
    """Send a message and wait until so many answers are complete; the last one's text."""
    page.get_by_label("Longest answer").fill(str(max_tokens))
    page.get_by_label("Message to").fill(words)
    page.get_by_role("button", name="Send").click()
    done = page.locator(".answer[data-status=done]")
    expect(done).to_have_count(answers, timeout=steps.SLOW_MS)
    return done.last.locator(".answer-prose").inner_text()


def look(page: Page) -> None:
    """Check the state as it stands, on a desk and on a phone."""
    desk = page.viewport_size
    for size in (PHONE, desk):
        page.set_viewport_size(size)
        assert_accessible(page)
        assert_fits(page)


def test_ada_edits_a_message_and_walks_back_to_what_she_had(live_portal, ada):
    ada.goto(f"{live_portal.url}/playground/")
    first = say(ada, "Name a river.", answers=1)
    say(ada, "Name another.", answers=2)

    ada.locator(".turn-edit summary").first.click()
    ada.locator("[data-edited-prompt]").first.fill("Name a mountain.")
    ada.keyboard.press("Enter")
    expect(ada.get_by_label("Versions of this message")).to_contain_text("2 / 2")
    expect(ada.locator(".answer[data-status=done]")).to_have_count(1, timeout=steps.SLOW_MS)
    look(ada)

    ada.get_by_role("link", name="Earlier version").click()
    expect(ada.locator(".said-text").first).to_have_text("Name a river.")
    expect(ada.locator(".answer[data-status=done]")).to_have_count(2)
    assert ada.locator(".answer-prose").first.inner_text() == first


def test_the_same_seed_gives_the_same_answer_again(live_portal, ada):
    ada.goto(f"{live_portal.url}/playground/")
    ada.get_by_text("Sampling", exact=True).click()
    ada.get_by_label("Seed").fill("7")
    first = say(ada, "Invent a word and explain it.", answers=1)

    ada.get_by_role("button", name="Regenerate").click()
    expect(ada.get_by_label("Versions of this answer")).to_contain_text("2 / 2")
    expect(ada.locator(".answer[data-status=done]")).to_have_count(1, timeout=steps.SLOW_MS)

    assert ada.locator(".answer-prose").inner_text() == first


def test_an_answer_by_a_schema_is_shown_to_be_of_its_shape(live_portal, ada):
    ada.goto(f"{live_portal.url}/playground/")
    ada.get_by_text("Output", exact=True).click()
    ada.get_by_label("JSON schema").fill(json.dumps(SCHEMA))

    say(ada, "What colour is grass?", answers=1, max_tokens=60)

    expect(ada.get_by_text("The answer is JSON of the schema's shape.")).to_be_visible()
    said = re.search(r"\{.*\}", ada.locator(".answer-prose").inner_text(), re.DOTALL)
    assert json.loads(said.group())["colour"] in SCHEMA["properties"]["colour"]["enum"]
    look(ada)


def test_two_settings_answer_side_by_side_and_ada_votes_without_knowing_which_is_which(live_portal, ada):
    ada.goto(f"{live_portal.url}/playground/compare/?column={MODEL}&column={MODEL}")
    for column, temperature in enumerate(("0.1", "1.3")):
        ada.get_by_label("Temperature").nth(column).fill(temperature)
        ada.get_by_label("Longest answer").nth(column).fill("120")
    ada.get_by_label("Blind").check()
    ada.get_by_label("Message to all columns").fill("Describe a harbour at night.")
    ada.get_by_role("button", name="Compare").click()
    ada.wait_for_url(re.compile(r"/compare/[0-9a-f-]{36}/$"))

    texts = ada.locator("[data-text]")
    expect(texts.nth(1)).not_to_be_empty(timeout=steps.SLOW_MS)
    expect(texts.nth(0)).not_to_be_empty(timeout=steps.SLOW_MS)
    expect(ada.locator(".answer[data-status=done]")).to_have_count(2, timeout=steps.SLOW_MS)
    expect(ada.locator(".board-columns")).to_have_count(0)
    look(ada)
    ada.get_by_label("A is better").check()
    ada.get_by_role("button", name="Vote").click()

    expect(ada.get_by_text("You voted: A is better.")).to_be_visible()
    expect(ada.locator(".board-columns")).to_contain_text("0.1")


def test_a_preset_that_was_saved_here_answers_by_the_api(live_portal, ada):
    url = live_portal.url
    ada.goto(f"{url}/playground/")
    ada.get_by_label("System prompt").fill("Answer with one word.")
    ada.get_by_label("Temperature").fill("0")
    ada.get_by_label("Message to").fill("What is the opposite of {{word}}?")
    ada.get_by_role("button", name="Save as preset").click()
    ada.get_by_label("Name", exact=True).fill("Opposites")
    ada.get_by_role("button", name="Save", exact=True).click()
    expect(ada.get_by_text("Saved as version 1 of Opposites.")).to_be_visible()
    ada.get_by_role("link", name="Opposites").click()
    preset_id = ada.locator(".preset-id code").inner_text()
    look(ada)

    key = steps.make_key(ada, url, name="presets")
    answered = requests.post(
        f"{url}/v1/chat/completions",
        json={"preset_id": preset_id, "variables": {"word": "hot"}, "max_tokens": 8},
        headers={"Authorization": f"Bearer {key}"},
        timeout=120,
    ).json()

    assert "error" not in answered, answered
    assert answered["model"] == MODEL
    assert answered["choices"][0]["message"]["content"]
    # The preset's own words were asked, the variable filled in: more than the template of an empty talk.
    assert answered["usage"]["prompt_tokens"] > 15


def test_ada_judges_an_answer_and_staff_see_it(live_portal, ada, new_page):
    ada.goto(f"{live_portal.url}/playground/")
    say(ada, "Name a planet.", answers=1)

    ada.get_by_role("link", name="Bad answer").click()
    ada.get_by_label("Made up").check()
    ada.get_by_label("A better answer").fill("Saturn")
    look(ada)
    ada.get_by_role("button", name="Send to staff").click()
    expect(ada.locator(".feedback-box")).to_contain_text("Thank you: staff will read it.")

    admin = new_page()
    steps.sign_in(admin, live_portal.url, email="admin@example.com")
    admin.goto(f"{live_portal.url}/console/feedback/")
    expect(admin.locator("main")).to_contain_text("SmolLM2 135M Instruct")
    expect(admin.locator("main")).to_contain_text("Made up")
