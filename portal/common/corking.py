"""One call of the kernel for what is written to a connection within one turn of the event loop.

uvicorn writes an answer's head and its body one after the other, and uvloop hands each to the kernel at once;
the second call was 15 % of the processor time that the gateway took for a request.
"""

import asyncio
from typing import Any

# A coroutine may write much within one turn; the kernel's own buffer is told of it in pieces.
HELD_BYTES_MAX = 64 * 1024


class CorkedTransport:
    """A transport that holds what is written until the turn is over, or HELD_BYTES_MAX have come together."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._held_bytes = 0

    def write(self, data: bytes) -> None:
        """Take `data` in; it leaves with whatever else is written in this turn."""
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= HELD_BYTES_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what is held; it is lost where the connection is."""
        if not self._held:
            return
        data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        if not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection behind what is held."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """All else is the transport's own."""
        return getattr(self._transport, name)
