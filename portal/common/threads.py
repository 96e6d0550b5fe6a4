"""Turns of threads, and using the database from threads of our own."""

import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")

# For so long a thread that computes may keep another one waiting. Python's own 5 ms are what a whole page
# takes, and an answer's way leads through a dozen threads (docs/decisions/0037).
TURN_SECONDS = 0.0005


def take_short_turns(**_: Any) -> None:
    """Have this process's threads take turns each TURN_SECONDS. Takes what signals send."""
    sys.setswitchinterval(TURN_SECONDS)


def let_go_after(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `question`, and give this thread's connections back to their pool."""
    try:
        return question(*args, **kwargs)
    finally:
        let_go()


def let_go() -> None:
    """Give this thread's connections back to their pool, those in a transaction excepted."""
    forget_queries()
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def forget_queries(**_: Any) -> None:
    """Forget the queries that Django notes with DEBUG: thousands a connection, until a request begins.

    A thread of our own has no requests. Takes what signals send; who counts queries on purpose keeps them.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.force_debug_cursor:
            connection.queries_log.clear()
