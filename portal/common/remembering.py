"""Answers of slow questions, kept for a short while: the database stays off the hot paths."""

import asyncio
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from typing import Generic, TypeVar

import structlog

from portal.common.threads import let_go_after

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

KEEP_SECONDS = 1.0
ENTRIES_MAX = 10_000

log = structlog.get_logger(__name__)


class Remembered(Generic[K, T]):
    """`ask(key)`, run in a thread, its answers kept for `keep_seconds` from the moment of asking.

    From half that time on an answer is asked for anew in the background while it is still
    given out. Equal questions asked at once are asked once. Belongs to one event loop.
    """

    def __init__(
        self,
        ask: Callable[[K], T],
        *,
        threads: Executor,
        keep_seconds: float = KEEP_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._threads = threads
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._kept: dict[K, tuple[T, float]] = {}
        self._asked: dict[K, asyncio.Task[T]] = {}

    async def get(self, key: K) -> T:
        """The answer for `key`, at most `keep_seconds` old. Raises what `ask` raises."""
        kept = self._kept.get(key)
        if kept is not None:
            answer, asked_at = kept
            age = self._clock() - asked_at
            if age < self._keep_seconds / 2:
                return answer
            if age < self._keep_seconds:
                self._begin(key)
                return answer
        # Shielded, since another request may wait for the same answer.
        return await asyncio.shield(self._begin(key))

    def forget_all(self) -> None:
        """Drop every answer, and those on their way."""
        self._kept.clear()
        self._asked.clear()

    def forget(self, concerns: Callable[[K], bool]) -> None:
        """Drop the answers to every question that `concerns` picks, and those on their way."""
        for key in [key for key in self._kept if concerns(key)]:
            del self._kept[key]
        for key in [key for key in self._asked if concerns(key)]:
            del self._asked[key]

    def _begin(self, key: K) -> asyncio.Task[T]:
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._remember(key))
            task.add_done_callback(_note_failure)
        return task

    async def _remember(self, key: K) -> T:
        # The age counts from before the question, so that an answer is never older than it says.
        asked_at = self._clock()
        me = asyncio.current_task()
        try:
            answer = await asyncio.get_running_loop().run_in_executor(
                self._threads, let_go_after, self._ask, key
            )
            if self._asked.get(key) is me:
                self._keep(key, answer, asked_at)
            return answer
        finally:
            if self._asked.get(key) is me:
                del self._asked[key]

    def _keep(self, key: K, answer: T, asked_at: float) -> None:
        # Taken out first, so that the oldest always stands first.
        self._kept.pop(key, None)
        if len(self._kept) >= ENTRIES_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (answer, asked_at)


def _note_failure(task: asyncio.Task[T]) -> None:
    """Look at the exception, which a refresh in the background has nobody else to raise it to."""
    if not task.cancelled() and (error := task.exception()):
        log.warning("lookup_failed", error=type(error).__name__)
