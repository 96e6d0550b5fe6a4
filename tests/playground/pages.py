"""Pages of a real browser in which somebody is signed in, and the steps that many tests take there."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from tests.look.checks import DESK
from tests.playground.stack import Visitor


@contextmanager
def signed_in(browser: Browser, visitor: Visitor, **options: object) -> Iterator[Page]:
    """A fresh page of the visitor's, on a desk unless the browser context's `options` say otherwise."""
    context = browser.new_context(**{"viewport": DESK, "base_url": visitor.base_url, **options})
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": visitor.session.cookies[name], "url": visitor.base_url}])
    yield context.new_page()
    context.close()


def say(page: Page, words: str, *, answers: int = 1) -> None:
    """Send a message and wait until so many answers are complete."""
    page.get_by_label("Message to").fill(words)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".answer[data-status=done]")).to_have_count(answers)


def ask_again(page: Page, button: str, *, version: str) -> None:
    """Press a button below the only answer, and wait until the next version, as in "2 / 2", is complete."""
    page.get_by_role("button", name=button).click()
    expect(page.get_by_label("Versions of this answer")).to_contain_text(version)
    expect(page.locator(".answer[data-status=done]")).to_have_count(1)
