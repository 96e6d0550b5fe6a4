"""A browser for the journey: each person has a context, and so a cookie jar, of their own."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def new_page(browser: Browser) -> Iterator[Callable[[], Page]]:
    """Opens a page of a new person; fails the test on any error that the page logs."""
    complaints: list[str] = []
    contexts = []

    def open_page() -> Page:
        context = browser.new_context()
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
