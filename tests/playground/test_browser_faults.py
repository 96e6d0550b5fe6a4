"""What breaks while somebody watches: the page shows how it ended, without a reload."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.playground.pages import signed_in
from tests.playground.stack import Stack, Visitor
from tests.playground.test_failing import SWEEP
from tests.playground.test_streaming import words

pytestmark = [pytest.mark.browser, pytest.mark.live, pytest.mark.timeout(120)]


@pytest.fixture
def page(browser: Browser, stack: Stack, ada_visits: Visitor) -> Iterator[Page]:
    """Ada's browser, in which an answer is being written."""
    with signed_in(browser, ada_visits) as fresh:
        fresh.goto("/playground/")
        yield fresh


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


def fail(route: Route) -> None:
    """Answer as a proxy does whose server is being restarted."""
    body = "<html><body><h1>502 Bad Gateway</h1></body></html>"
    route.fulfill(status=502, content_type="text/html", body=body)


def test_a_portal_that_fails_leaves_the_page_as_it_is_and_is_asked_again(page):
    failing = re.compile(r"/status/$|/conversations/|/generations/[0-9a-f-]{36}/$")
    page.route(failing, fail)
    with page.expect_response(re.compile(r"/status/$")):
        pass
    watch(page, "words=12 pause=0.1")
    with page.expect_response(re.compile(r"/generations/[0-9a-f-]{36}/$")):
        pass
    page.get_by_label("Search your conversations").fill("words")
    expect(page.locator("#talk-list")).to_contain_text("The portal could not search just now.")
    expect(page.locator("#model-status")).to_have_count(1)
    expect(page.get_by_text("502 Bad Gateway")).to_have_count(0)

    page.unroute(failing)

    assert_ended(page, "done", text=words(12).strip())
    expect(page.locator("#composer-notice")).to_be_empty()
    page.get_by_label("Search your conversations").fill("words=12")
    expect(page.locator("#talk-list li a")).to_have_count(1)


def test_a_search_after_signing_out_says_so_in_the_list_alone(page, stack, ada_visits):
    page.context.clear_cookies()

    page.get_by_label("Search your conversations").fill("words")

    expect(page.locator("#talk-list")).to_have_text("You have been signed out. Reload this page.")
    with page.expect_response(re.compile(r"/status/$")):
        pass
    expect(page.locator("#model-status")).to_have_count(1)
    expect(page.get_by_text("nothing was sent")).to_have_count(0)
