"""How many requests go to one model server at a time, and how many wait for their turn, how long."""

import asyncio
from collections import deque


class UpstreamFull(Exception):  # noqa: N818 - told to the client as an error of its own
    """As many requests as may be are with the model server, and no more may wait, or none so long."""


class Turns:
    """Gives `running_max` turns at a time, first come, first served. Belongs to one event loop."""

    def __init__(self) -> None:
        self.running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def take(self, *, running_max: int, waiting_max: int, timeout_seconds: float) -> None:
        """Wait for a turn; `give_back` it in any case. Raises UpstreamFull."""
        if self.running < running_max and not self._waiting:
            self.running += 1
            return
        if len(self._waiting) >= waiting_max:
            raise UpstreamFull
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(timeout_seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # It came in the same moment in which we stopped waiting.
                self.give_back()
            else:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise UpstreamFull from error
            raise

    def give_back(self) -> None:
        """End a turn: the next in the queue has it."""
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self.running -= 1
