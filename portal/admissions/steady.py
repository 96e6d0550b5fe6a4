"""Work on many applications in short spells, between which a worker says that it is alive."""

import time
from collections.abc import Callable

SPELL_SECONDS = 1


def for_a_second(do_next: Callable[[], bool]) -> bool:
    """Call `do_next` for about a second; False once it says that nothing is left."""
    until = time.monotonic() + SPELL_SECONDS
    while time.monotonic() < until:
        if not do_next():
            return False
    return True
