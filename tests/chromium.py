"""Which browser the tests take: the one that CHROMIUM names, or else Debian's, without windows if it can."""

import os
import shutil

# The first is the same engine without tabs and toolbars, which take a quarter of the time of a test.
NAMES = ("chromium-headless-shell", "chromium")


def found() -> str | None:
    """Its path; None where there is none, and Playwright may have its own."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
