"""Files sent by the kernel: an extension of ASGI for uvicorn, which has none of its own.

`uvicorn --http portal.hub.zerocopy:ZeroCopyProtocol` offers `portal.sendfile` on every
plain connection. It is ASGI's zero-copy send
(https://asgi.readthedocs.io/en/latest/extensions.html#zero-copy-send) and tells besides,
from a thread, how many bytes have left, since a download that breaks off must be counted:
`{"type": "portal.sendfile", "file": …, "offset": …, "count": …, "on_sent": f(count)}`.
It reaches into uvicorn's protocol, so uvicorn's version is pinned and
tests/hub/test_zerocopy.py holds the two together.
"""

import asyncio
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from portal.common.corking import CorkedTransport

EXTENSION = "portal.sendfile"
# Files are read by threads of their own: a slow disk must not hold up the event loop.
COPIERS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="copier")
# For so long a thread serves one connection before the next one has its turn.
TURN_SECONDS = 0.2
# A client that takes nothing for so long is waited for without a thread.
PATIENCE_MILLISECONDS = 20
# A client that takes nothing for so long is given up.
STALL_SECONDS = 120
# struct linger: on, and no seconds.
AT_ONCE = struct.pack("ii", 1, 0)
CALL_BYTES_MAX = 8 * 1024 * 1024

App = Callable[[Any, Any, Any], Awaitable[None]]


class ZeroCopyProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, and files without a copy through Python's memory.

    An application that raises ConnectionAbortedError has its connection cut, so that the
    client sees an answer that is not whole.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take up the connection."""
        corked: Any = CorkedTransport(transport, self.loop)  # type: ignore[arg-type]
        super().connection_made(corked)
        self.is_lost = threading.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop copying to a client that has gone."""
        self.is_lost.set()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # What goes through TLS must be encrypted first, so there the extension is not offered.
        if self.scheme == "http":
            extensions: Any = cycle.scope.setdefault("extensions", {})
            extensions[EXTENSION] = {}
        super()._start_asgi_task(cycle, partial(self._run, cycle, app))

    async def _run(
        self,
        cycle: RequestResponseCycle,
        app: App,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Mapping[str, Any]]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        async def send_or_copy(message: Mapping[str, Any]) -> None:
            if message["type"] == EXTENSION:
                await self._copy(cycle, message)
            else:
                await send(message)

        try:
            await app(scope, receive, send_or_copy)
        except ConnectionAbortedError:
            cycle.disconnected = True
            # A reset: what the kernel still holds for the client is not sent any more.
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            self.transport.abort()

    async def _copy(self, cycle: RequestResponseCycle, message: Mapping[str, Any]) -> None:
        """Send `count` bytes of `file` from `offset` on; returns when the kernel has them all.

        Raises ConnectionResetError when the client has gone, ConnectionAbortedError when it takes nothing
        any more, and OSError for the file's own trouble.
        """
        count_bytes: int = message["count"]
        if cycle.response_complete or count_bytes > cycle.expected_content_length:
            raise RuntimeError("Response content longer than Content-Length")
        # The headers, and whatever else was written before, must have left first.
        self.transport.set_write_buffer_limits(high=0)
        self.transport.flush()  # type: ignore[attr-defined]
        try:
            await self.flow.drain()
            if self.is_lost.is_set():
                raise ConnectionResetError("The client has gone.")
            await _Copy(self, message).run()
        finally:
            if not self.transport.is_closing():
                self.transport.set_write_buffer_limits()
        cycle.expected_content_length -= count_bytes


class _Copy:
    """One stretch of a file on its way into one socket."""

    def __init__(self, protocol: ZeroCopyProtocol, message: Mapping[str, Any]) -> None:
        self._lost = protocol.is_lost
        self._stopped = threading.Event()
        self._offset, self._left = message["offset"], message["count"]
        self._on_sent: Callable[[int], None] = message["on_sent"]
        self._loop = protocol.loop
        # Descriptors of its own: a thread that is still at work when the others are closed must not
        # write into the next connection, or read from the next file, that gets their numbers.
        self._file = os.dup(message["file"].fileno())
        self._socket = os.dup(protocol.transport.get_extra_info("socket").fileno())
        self._at_work: Future[bool] | None = None

    async def run(self) -> None:
        """Copy to the end. Raises as `ZeroCopyProtocol._copy` does."""
        try:
            while self._left:
                self._at_work = COPIERS.submit(self._take_a_turn)
                if not await asyncio.wrap_future(self._at_work, loop=self._loop):
                    await self._wait_for_room()
        finally:
            self._stopped.set()
            if self._at_work is None or self._at_work.cancel() or self._at_work.done():
                self._close()
            else:
                self._at_work.add_done_callback(lambda _: self._close())

    def _take_a_turn(self) -> bool:
        """Copy for TURN_SECONDS at most; False when the client takes no more for now."""
        until = time.monotonic() + TURN_SECONDS
        room = select.poll()
        room.register(self._socket, select.POLLOUT)
        while self._left and time.monotonic() < until:
            if self._stopped.is_set() or self._lost.is_set():
                raise ConnectionResetError("The client has gone.")
            try:
                sent = os.sendfile(self._socket, self._file, self._offset, min(self._left, CALL_BYTES_MAX))
            except BlockingIOError:
                if not room.poll(PATIENCE_MILLISECONDS):
                    return False
                continue
            if not sent:
                raise OSError("The file is shorter than it was said to be.")
            self._offset += sent
            self._left -= sent
            self._on_sent(sent)
        return True

    async def _wait_for_room(self) -> None:
        has_room: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_writer(self._socket, _settle, has_room)
        until = self._loop.time() + STALL_SECONDS
        try:
            while not self._lost.is_set() and not has_room.done():
                if self._loop.time() > until:
                    raise ConnectionAbortedError("The client takes nothing any more.")
                await asyncio.wait([has_room], timeout=1)
        finally:
            self._loop.remove_writer(self._socket)

    def _close(self) -> None:
        os.close(self._file)
        os.close(self._socket)


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
