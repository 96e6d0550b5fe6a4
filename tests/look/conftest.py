"""A real browser for the tests of how pages look, and pages of the site with somebody signed in."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from tests.look.checks import DESK, watch_policy

# The browser finds itself: nothing here may call out.
FLAGS = ["--disable-background-networking", "--disable-component-update", "--no-first-run"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or else Playwright's own."""
    # Playwright's sync API runs an event loop in this thread, which Django would take for an async view.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        if found is None and not own.exists():
            pytest.skip("NO BROWSER WAS FOUND: install chromium to run the tests of how pages look.")
        running = playwright.chromium.launch(executable_path=found, chromium_sandbox=False, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, live_server: Any) -> Iterator[Page]:
    """A fresh page in light colours; a policy violation or script error in it fails the test."""
    context = browser.new_context(viewport=DESK, color_scheme="light", base_url=live_server.url)
    fresh = context.new_page()
    complaints = watch_policy(fresh)
    yield fresh
    context.close()
    # A form sent back with 4xx is an answer, not a fault of the page.
    assert [line for line in complaints if "Failed to load resource" not in line] == []


@pytest.fixture
def enter(live_server: Any) -> Callable[[Page, Any], None]:
    """Sign somebody in to a page without walking through the form."""

    def sign_in(page: Page, user: Any) -> None:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        name = settings.SESSION_COOKIE_NAME
        page.context.add_cookies(
            [{"name": name, "value": client.cookies[name].value, "url": live_server.url}]
        )

    return sign_in
