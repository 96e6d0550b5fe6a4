"""Using the database from threads of our own, which Django does not tidy up after."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")


def let_go_after(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `question`, and give this thread's connections back to their pool."""
    try:
        return question(*args, **kwargs)
    finally:
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.close()
