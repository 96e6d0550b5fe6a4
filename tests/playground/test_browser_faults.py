"""What breaks while somebody watches: the page shows how it ended, without a reload."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from tests.look.checks import DESK
from tests.playground.stack import Stack, Visitor
from tests.playground.test_failing import SWEEP
from tests.playground.test_streaming import words

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(120)]


@pytest.fixture
def page(browser: Browser, stack: Stack, ada_visits: Visitor) -> Iterator[Page]:
    """Ada's browser, in which an answer is being written."""
    context = browser.new_context(viewport=DESK, base_url=ada_visits.base_url)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies(
        [{"name": name, "value": ada_visits.session.cookies[name], "url": ada_visits.base_url}]
    )
    fresh = context.new_page()
    fresh.goto("/playground/")
    yield fresh
    context.close()


def watch(page: Page, prompt: str) -> None:
    """Send a message and wait until some of the answer is there; the page is marked, to tell a reload."""
    page.get_by_label("Message to").fill(prompt)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("[data-text]")).to_contain_text("w3")
    page.evaluate("document.body.dataset.marked = 'yes'")


def assert_ended(page: Page, status: str, *, text: str) -> None:
    """The page shows the end, and was not loaded again."""
    answer = page.locator(f".answer[data-status={status}]")
    expect(answer).to_have_count(1, timeout=40_000)
    expect(answer.locator(".answer-prose")).to_contain_text(text)
    assert page.evaluate("document.body.dataset.marked") == "yes"


def test_a_killed_worker_leaves_what_had_come_and_a_button(page, stack):
    watch(page, "words=400 pause=0.1")

    stack.kill("worker")
    stack.run(
        "from datetime import timedelta; from playground.models import Generation;"
        " from django.utils import timezone;"
        " Generation.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=1))"
    )
    stack.run(SWEEP)

    assert_ended(page, "failed", text="w0 w1 w2 w3")
    expect(page.get_by_text("The worker that wrote this answer stopped.")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_be_visible()


def test_a_valkey_that_stops_and_starts_again_loses_no_word(page, stack):
    watch(page, "words=60 pause=0.1")

    stack.stop_valkey()
    page.wait_for_timeout(1_000)
    stack.start_valkey()

    assert_ended(page, "done", text=words(60).strip())


def test_a_model_server_that_stops_leaves_what_had_come_and_a_button(page, stack):
    watch(page, "words=400 pause=0.1")

    stack.kill("upstream")

    assert_ended(page, "failed", text="w0 w1 w2 w3")
    expect(page.get_by_text("The connection to the model server broke off.")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
