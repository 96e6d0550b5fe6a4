"""A real browser for the tests of how pages look, and pages of the site with somebody signed in."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page

from tests.look.checks import DESK, watch_policy


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
