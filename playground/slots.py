"""What a turn asks, a few at a time: each slot claims one, has it settled, and claims the next."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from playground.turning import DatabaseThread, Turn

T = TypeVar("T")

# While each one that waits must wait a little longer.
IDLE_SECONDS = 0.5
# While the engine or a limit takes nothing, each time twice as long.
PAUSE_SECONDS_MIN = 1
PAUSE_SECONDS_MAX = 30


class Slots:
    """The slots of one turn: what is out, and what follows. Lives in one event loop."""

    def __init__(self, turn: Turn, *, name: str) -> None:
        self.database = DatabaseThread(name)
        self._turn = turn
        self._out: set[asyncio.Task[Any]] = set()
        self._ended = asyncio.Event()
        self._pause_seconds = 0.0

    @contextmanager
    def lasting(self, seconds: float) -> Iterator[None]:
        """Go on for so long at most, while the block runs; a turn that is ended breaks off what is out."""
        loop = asyncio.get_running_loop()
        self._turn.on_over = partial(_call_soon, loop, self._break_off)
        self._until = loop.time() + seconds
        try:
            yield
        finally:
            self._turn.on_over = lambda: None
            self.database.close()

    @property
    def go_on(self) -> bool:
        """Whether anything more is to be sent."""
        return not self._turn.is_over.is_set() and asyncio.get_running_loop().time() < self._until

    async def work(
        self,
        number: int,
        *,
        claim: Callable[[], T | None],
        is_any_waiting: Callable[[], bool],
        settle: Callable[[T], Awaitable[None]],
    ) -> None:
        """Settle in so many slots whatever can be claimed, until none is left; then wait for what is out."""

        async def work() -> None:
            while self.go_on:
                claimed = await self.database.do(claim)
                if claimed is not None:
                    await settle(claimed)
                elif await self.database.do(is_any_waiting):
                    await self._rest(IDLE_SECONDS)
                else:
                    return

        await asyncio.gather(*(work() for _ in range(number)))

    async def out(self, asking: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Ask one, and return it done; it is cancelled where the turn was ended before the answer came."""
        task = asyncio.create_task(asking)
        self._out.add(task)
        if self._turn.is_over.is_set():
            task.cancel()
        await asyncio.wait({task})
        self._out.discard(task)
        return task

    async def pause(self) -> None:
        """Rest because nothing is taken, twice as long as the last time."""
        self._pause_seconds = min(max(2 * self._pause_seconds, PAUSE_SECONDS_MIN), PAUSE_SECONDS_MAX)
        await self._rest(self._pause_seconds)

    def note_answer(self) -> None:
        """Something was taken: the next pause is short again."""
        self._pause_seconds = 0.0

    def _break_off(self) -> None:
        self._ended.set()
        for task in self._out:
            task.cancel()

    async def _rest(self, seconds: float) -> None:
        """Sleep, or less when the turn is over."""
        left_seconds = self._until - asyncio.get_running_loop().time()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0, min(seconds, left_seconds))):
                await self._ended.wait()


def _call_soon(loop: asyncio.AbstractEventLoop, break_off: Callable[[], None]) -> None:
    # A loop that has closed meanwhile has nothing to break off.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(break_off)
