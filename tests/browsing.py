"""A real browser: the Chromium that is there, or else Playwright's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import chromium

# The browser finds itself: nothing here may call out.
FLAGS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser that this run found; the test runner says loudly when there is none."""
    # Playwright's sync API runs an event loop in this thread, which Django would take for an async view.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    found = chromium.found()
    with sync_playwright() as playwright:
        if found is None and not Path(playwright.chromium.executable_path).exists():
            pytest.fail("NO BROWSER WAS FOUND: install chromium, or run `playwright install chromium`.")
        running = playwright.chromium.launch(executable_path=found, chromium_sandbox=False, args=FLAGS)
        yield running
        running.close()
