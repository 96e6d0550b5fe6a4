"""Presets, runs and share links in a real browser, on a desk and on a phone."""

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from playground import actions
from playground.actions import Outcome
from playground.models import Audience, Generation, Preset, PromptRun, ShareLink
from tests import cast
from tests.look.checks import PHONE, assert_accessible, assert_fits, watch_policy
from tests.playground.pages import signed_in
from tests.playground.stack import Stack, Visitor, ended

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(240)]
DESK = {"width": 1440, "height": 900}
PROMPT = "words=3 for {{name}}"


@pytest.fixture
def page(browser: Browser, stack: Stack, release, ada_visits: Visitor) -> Iterator[Page]:
    """Ada's browser; a policy violation or script error fails the test."""
    yield from signed_in_page(browser, ada_visits)


@pytest.fixture
def bertas_page(browser: Browser, stack: Stack, release) -> Iterator[Page]:
    """The browser of another developer."""
    yield from signed_in_page(browser, Visitor(stack, cast.developer("berta@example.org", release)))


def signed_in_page(browser: Browser, visitor: Visitor) -> Iterator[Page]:
    """A page in which the visitor is signed in."""
    with signed_in(browser, visitor, viewport=DESK) as fresh:
        complaints = watch_policy(fresh)
        yield fresh
    assert [line for line in complaints if "Failed to load" not in line] == []


def look(page: Page, name: str) -> None:
    """Check the state in both schemes and sizes; keep pictures where PICTURES names a folder."""
    for width, size in (("desk", DESK), ("phone", PHONE)):
        page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            # Colours change by and by, and half-way they would be judged.
            page.wait_for_timeout(400)
            assert_accessible(page)
            assert_fits(page)
            if folder := os.environ.get("PICTURES"):
                # To hide the caret, Playwright would put a style into the page, which its policy refuses.
                path = Path(folder) / f"{name}-{width}-{scheme}.png"
                page.screenshot(path=path, caret="initial", full_page=True)
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="light")


def test_ada_saves_a_preset_changes_it_and_loads_it_again(page):
    page.goto("/playground/presets/")
    look(page, "presets-empty")
    page.goto("/playground/")
    page.get_by_label("Message to").fill(PROMPT)
    page.get_by_label("Temperature").fill("0.3")
    page.get_by_label("System prompt").fill("Be brief.")
    page.get_by_role("button", name="Save as preset").click()
    page.get_by_label("Name", exact=True).fill("Greeting")
    look(page, "preset-saving")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved as version 1 of Greeting.")).to_be_visible()
    assert page.get_by_label("Message to").input_value() == PROMPT

    preset = Preset.objects.get()
    page.goto("/playground/")
    page.get_by_label("System prompt").fill("A draft that is forgotten.")
    page.goto(f"/playground/?preset={preset.pk}")
    assert page.get_by_label("Message to").input_value() == PROMPT
    assert page.get_by_label("Temperature").input_value() == "0.3"
    assert page.get_by_label("System prompt").input_value() == "Be brief."
    look(page, "preset-loaded")
    page.get_by_label("System prompt").fill("Be brief.\nBe kind.")
    page.get_by_role("button", name="Save as preset").click()
    expect(page.get_by_label("Save as")).to_have_value(str(preset.pk))
    page.get_by_label("What is new").fill("Kinder")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved as version 2 of Greeting.")).to_be_visible()

    page.get_by_role("link", name="Greeting").click()
    expect(page.get_by_role("heading", name="What changed from version 1 to 2")).to_be_visible()
    expect(page.locator(".diff .is-added")).to_contain_text("added")
    look(page, "preset")
    page.get_by_role("button", name="Restore version 1").click()
    expect(page.get_by_text("Version 1 is restored as version 3.")).to_be_visible()
    page.goto("/playground/presets/")
    look(page, "presets")


def test_ada_runs_a_prompt_over_a_table(page, ada, release):
    page.goto("/playground/runs/")
    look(page, "runs-empty")
    page.get_by_role("link", name="New run").first.click()
    page.get_by_label("Prompt", exact=True).fill("words={{count}} pause=0.1 for {{name}}")
    page.get_by_label("Cases").fill("name,count\nAda,3\nBerta\n")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Line 3: has 1 cell; the first line names 2.")).to_be_visible()
    look(page, "run-wrong")
    page.get_by_label("Cases").fill("name,count\nAda,3\nBerta,30\nCleo,4\n")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("words=3 pause=0.1 for Ada")).to_be_visible()
    look(page, "run-preview")
    page.get_by_role("button", name="Start 3 cases").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}/$"))
    look(page, "run-live")

    expect(page.get_by_text("3 of 3")).to_be_visible(timeout=20_000)
    expect(page.locator("#case-1 .prose")).to_have_text("w0 w1 w2")
    expect(page.locator("#results")).not_to_have_attribute("hx-get", re.compile("."))
    look(page, "run-done")
    with page.expect_download() as told:
        page.get_by_role("link", name="CSV").click()
    assert "Cleo" in Path(told.value.path()).read_text()

    run = PromptRun.objects.get()
    other = actions.start_run(
        [{"name": "Ada", "count": "3"}],
        prompt="words=5 for {{name}}",
        settings=run.settings,
        token=uuid4(),
        by=ada,
        release=release,
        title="With five words",
    )
    asked = Generation.objects.get(turn__conversation__case__run=other)
    actions.finish(actions.begin(asked.pk), Outcome(text="w0 w1 w2 w3 w4", finish_reason="stop"))
    page.reload()
    page.get_by_label("Put another run beside it").select_option(str(other.pk))
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#case-1 .prose")).to_have_count(2)
    look(page, "run-beside")


def test_ada_cancels_a_run_and_asks_the_rest_again(page, ada, release):
    run = actions.start_run(
        [{"n": str(number)} for number in range(12)],
        prompt="words=100 pause=0.2 {{n}}",
        settings={"temperature": 0, "max_tokens": 200},
        token=uuid4(),
        by=ada,
        release=release,
    )
    page.goto(run.get_absolute_url())
    page.get_by_role("button", name="Cancel the rest").click()

    expect(page.get_by_text("12 of 12")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("12 cancelled")).to_be_visible()
    page.get_by_role("button", name="Retry failed").click()
    expect(page.get_by_text("0 of 12")).to_be_visible()
    page.get_by_role("button", name="Cancel the rest").click()
    expect(page.get_by_text("12 cancelled")).to_be_visible(timeout=20_000)
    assert Generation.objects.count() == 24


def test_ada_shares_and_berta_reproduces(page, bertas_page, ada, ada_visits, release):
    answer = ended(ada_visits.send("words=30", release=release))
    page.goto("/playground/shares/")
    look(page, "shares-empty")
    page.goto(answer.turn.conversation.get_absolute_url())
    page.get_by_role("link", name="Share", exact=True).click()
    look(page, "share-new")
    page.get_by_label("Title").fill("Thirty words")
    page.get_by_label("Anyone approved for the release").check()
    page.get_by_role("button", name="Make the link").click()
    link = ShareLink.objects.get()
    expect(page.get_by_text(link.get_absolute_url())).to_be_visible()
    look(page, "share")

    bertas_page.goto(link.get_absolute_url())
    expect(bertas_page.locator(".answer-prose")).to_contain_text("w29")
    look(bertas_page, "shared")
    bertas_page.get_by_role("button", name="Reproduce").click()
    bertas_page.wait_for_url(re.compile(r"/playground/[0-9a-f-]{36}/$"))
    expect(bertas_page.locator(".answer[data-status=done]")).to_contain_text("w29")
    again = Generation.objects.exclude(pk=answer.pk).get()
    assert again.params == answer.params

    page.goto("/playground/shares/")
    look(page, "shares")
    page.get_by_role("button", name="Revoke Thirty words").click()
    expect(page.get_by_text("The link is revoked.")).to_be_visible()
    assert bertas_page.goto(link.get_absolute_url()).status == 410
    look(bertas_page, "shared-gone")


def test_everyone_reads_the_showcase(browser, ada, ada_visits, release):
    answer = ended(ada_visits.send("words=30", release=release))
    for title in (
        "Thirty words",
        "A-title-that-has-no-place-where-it-could-be-broken-and-goes-on-for-very-long",
    ):
        actions.share(answer, by=ada, audience=Audience.SHOWCASE, title=title, lasts=timedelta(days=1))
    context = browser.new_context(viewport=DESK, base_url=ada_visits.base_url)
    nobody = context.new_page()

    nobody.goto("/releases/tiny/")
    expect(nobody.get_by_role("link", name="Thirty words")).to_be_visible()
    look(nobody, "release-with-showcase")
    nobody.get_by_role("link", name="All that people share of it with everyone").click()
    nobody.wait_for_url("**/playground/showcase/tiny/")
    look(nobody, "showcase")
    nobody.get_by_role("link", name="Thirty words").click()
    expect(nobody.locator(".answer-prose")).to_contain_text("w29")
    expect(nobody.get_by_role("link", name="Sign in to reproduce it")).to_be_visible()
    look(nobody, "shared-signed-out")
    context.close()


def test_ada_fills_in_the_variables_of_a_message(page):
    page.goto("/playground/")
    box = page.get_by_label("Message to")
    box.press_sequentially("words=3 for {{name}} in {{place}}")
    name, place = (page.get_by_role("textbox", name=one, exact=False) for one in ("name", "place"))
    name.press_sequentially("Ada")
    sent = page.get_by_role("group", name="What is sent")
    expect(sent).to_have_text("words=3 for Ada in {{place}}")
    expect(name).to_be_focused()
    expect(page.locator("[data-announcer]")).to_contain_text(
        "Fields for these variables stand below the message: name, place"
    )
    expect(page.locator("#token-count")).to_contain_text("5 of 2,048 tokens")
    look(page, "variables")

    # A brace that is taken away and set again loses nothing.
    box.focus()
    box.press("End")
    box.press("Backspace")
    expect(place).to_have_count(0)
    box.press_sequentially("}")
    expect(place).to_be_visible()
    expect(name).to_have_value("Ada")
    box.press("Enter")
    expect(page.locator("#composer-notice")).to_contain_text("place: Give it a value")
    expect(place).to_be_focused()
    look(page, "variables-missing")
    page.reload()
    expect(name).to_have_value("Ada")
    expect(sent).to_have_text("words=3 for Ada in {{place}}")
    place.fill("Köln")
    box.press("Enter")

    expect(page.locator(".said-text")).to_have_text("words=3 for Ada in Köln")
    expect(page.locator("#variables")).to_be_empty()
    expect(page.locator(".answer[data-status=done]")).to_have_count(1)
    box.press_sequentially("words=1 {{x}}")
    page.get_by_label("Send the braces as they are").check()
    expect(page.locator("#variables textarea")).to_have_count(0)
    look(page, "variables-literal")
    box.press("Enter")
    expect(page.locator(".said-text").last).to_have_text("words=1 {{x}}")
    expect(page.locator(".answer[data-status=done]")).to_have_count(2)


def name_ada(page, label, words):
    """Type `words` with a variable into the box of that label, and Ada into its field; both of them."""
    box = page.get_by_label(label)
    box.press_sequentially(f"{words} {{{{name}}}}")
    name = page.get_by_role("textbox", name="name", exact=False)
    name.fill("Ada")
    expect(page.get_by_role("group", name="What is sent")).to_have_text(f"{words} Ada")
    return box, name


def test_fields_that_come_when_the_message_was_sent_stay_away(page):
    page.goto("/playground/")
    box, name = name_ada(page, "Message to", "words=1")
    held = []
    page.route("**/playground/variables/", lambda route: held.append(route))  # noqa: PLW0108 - it wants a function
    name.fill("Bo")
    page.wait_for_timeout(500)

    box.press("Enter")
    expect(page.locator(".said-text")).to_have_text("words=1 Bo")
    expect(page.locator("#variables")).to_be_empty()
    for one in held:
        one.continue_()
    page.wait_for_timeout(500)

    assert len(held) == 1
    expect(page.locator("#variables")).to_be_empty()


def test_variables_are_filled_in_for_all_columns(page):
    page.goto("/playground/compare/")
    box, name = name_ada(page, "Message to all columns", "words=2")
    look(page, "variables-compare")
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url(re.compile(r"/compare/[0-9a-f-]{36}/$"))
    expect(page.locator(".said-text")).to_have_text("words=2 Ada")
    expect(page.locator(".answer[data-status=done]")).to_have_count(2)
    box.press_sequentially("words=1 {{name}}")
    expect(name).to_be_visible()
    box.press("Enter")
    expect(name).to_be_focused()
    expect(box).to_have_value("words=1 {{name}}")

    name.fill("Berta")
    box.press("Enter")

    expect(page.locator(".said-text").last).to_have_text("words=1 Berta")


def test_presets_and_runs_work_without_scripts(browser, page, ada_visits, ada, release):
    context = browser.new_context(java_script_enabled=False, base_url=ada_visits.base_url)
    context.add_cookies(page.context.cookies())
    bare = context.new_page()
    bare.goto("/playground/")
    bare.get_by_label("Message to").fill(PROMPT)
    bare.get_by_role("button", name="Save as preset").click()
    bare.get_by_label("Name", exact=True).fill("Greeting")
    bare.get_by_role("button", name="Save", exact=True).click()
    expect(bare.get_by_role("heading", name="Version 1, the newest")).to_be_visible()
    run = bare.get_by_role("link", name="Run with test cases").get_attribute("href")
    bare.goto(f"/playground/?preset={Preset.objects.get().pk}")
    expect(bare.get_by_role("textbox", name="name", exact=False)).to_have_value("")
    bare.get_by_role("button", name="Send").click()
    expect(bare.locator("#composer-notice")).to_contain_text("name: Give it a value")
    expect(bare.get_by_label("Message to")).to_have_value(PROMPT)
    bare.get_by_role("textbox", name="name", exact=False).fill("Ada")
    bare.get_by_role("button", name="Send").click()
    expect(bare.locator(".said-text")).to_have_text("words=3 for Ada")
    ended(Generation.objects.get())
    bare.goto(run)
    bare.get_by_label("Cases").fill("name\nAda\n")
    bare.get_by_role("button", name="Start", exact=True).click()
    expect(bare.get_by_role("heading", name="Greeting")).to_be_visible()
    ended(Generation.objects.latest("queued_at"))
    bare.reload()
    expect(bare.locator("#case-1 .prose")).to_have_text("w0 w1 w2")
    context.close()
