"""Homes, and processes that a test can look for after it has killed what started them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.local.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A prepared home."""
    made = Home(tmp_path / "home")
    made.prepare()
    return made


def processes_with(mark: str) -> list[int]:
    """The processes, this one aside, whose environment or command line holds `mark`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if mark.encode() in told and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


Finder = Callable[[str], list[int]]
