"""A real browser: Debian's Chromium, without its windows where it is there so, or else Playwright's own."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

# The first is the same engine without tabs and toolbars, which take a quarter of the time of a test.
NAMES = ("chromium-headless-shell", "chromium")
# The browser finds itself: nothing here may call out.
FLAGS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser that this run found; the test runner says loudly when there is none."""
    # Playwright's sync API runs an event loop in this thread, which Django would take for an async view.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        if found is None and not Path(playwright.chromium.executable_path).exists():
            pytest.fail("NO BROWSER WAS FOUND: install chromium, or run `playwright install chromium`.")
        running = playwright.chromium.launch(executable_path=found, chromium_sandbox=False, args=FLAGS)
        yield running
        running.close()
