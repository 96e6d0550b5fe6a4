"""A worker's turn with something long: it shows that it lives, and learns what ends it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID, uuid4

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError

from portal.common.threads import let_go, let_go_after

log = structlog.get_logger(__name__)
T = TypeVar("T")

BEAT_SECONDS = 2
# A change is tried again for half a minute when the database is away.
DATABASE_ATTEMPTS = 6


@dataclass
class Turn:
    """One worker's turn; `is_over` says that nothing more is to be sent."""

    runner: UUID = field(default_factory=uuid4, kw_only=True)
    is_over: threading.Event = field(default_factory=threading.Event, kw_only=True)
    on_over: Callable[[], None] = field(default=lambda: None, kw_only=True)

    def end(self) -> None:
        """Have it end: called from any thread."""
        self.is_over.set()
        self.on_over()


_live: dict[UUID, Turn] = {}


@contextmanager
def beating(turn: Turn, look: Callable[[int], None], *, name: str) -> Iterator[None]:
    """Call `look` with the number of the beat, in a thread, every BEAT_SECONDS while the block runs."""
    is_done = threading.Event()
    thread = threading.Thread(target=_beat, args=(look, is_done), name=name, daemon=True)
    _live[turn.runner] = turn
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()
        _live.pop(turn.runner, None)


def stop_all() -> None:
    """Have every turn of this process end: the worker is about to stop."""
    for turn in list(_live.values()):
        turn.end()


class DatabaseThread:
    """One thread, and so one connection, for all that a turn asks and changes from its event loop."""

    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def do(self, change: Callable[[], T]) -> T:
        """Ask or change the database; while it is away, try again for half a minute."""
        loop = asyncio.get_running_loop()
        for attempt in range(DATABASE_ATTEMPTS - 1):
            try:
                return await loop.run_in_executor(self._threads, let_go_after, change)
            except (OperationalError, InterfaceError) as error:
                log.warning("turn_database_away", error=type(error).__name__)
                await asyncio.sleep(2**attempt)
        return await loop.run_in_executor(self._threads, let_go_after, change)

    def close(self) -> None:
        """Wait for what is under way."""
        self._threads.shutdown()


def _beat(look: Callable[[int], None], is_done: threading.Event) -> None:
    beats = 0
    while not is_done.wait(BEAT_SECONDS):
        beats += 1
        try:
            look(beats)
        except DatabaseError as error:
            log.warning("turn_beat_failed", error=type(error).__name__)
        finally:
            let_go()
