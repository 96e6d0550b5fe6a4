"""Turns of tests that run at the same time in several processes: some are shared, and some must be alone.

A test marked `alone` waits until the tests of other processes have ended, and theirs wait until it has. It is
for those that load every core or hold the product to a number of seconds; each costs the others a pause.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Names the folder that those calls of `make test` share which run at the same time.
FOLDER = "PORTAL_TEST_TURNS"


@contextmanager
def turn(folder: Path, *, is_alone: bool) -> Iterator[None]:
    """Wait for a turn that is shared with others, or with nobody, and hold it."""
    with (folder / "queue").open("w") as queue, (folder / "turn").open("w") as held:
        # Who waits to be alone keeps the queue, so that nobody else begins meanwhile.
        fcntl.flock(queue, fcntl.LOCK_EX)
        fcntl.flock(held, fcntl.LOCK_EX if is_alone else fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        yield
