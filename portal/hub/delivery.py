"""How a file's bytes leave under ASGI: a chunk at a time, read by threads, counted as they go."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import sync_to_async
from django.db import connection

# The most that one download holds in memory, and the most that the count can be short by.
CHUNK_BYTES = 256 * 1024
# A pool of its own: a slow disk must hold up downloads only.
READERS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="weights")


class Delivery:
    """The bytes of an open file from `first_byte` on, for a StreamingHttpResponse.

    Django's handler asks for the next chunk only when the last one was handed to the
    connection, so that a slow client costs one chunk of memory, and calls `close` in a
    thread when the client has gone. `on_end` is told, once and in a thread, how many
    bytes left.
    """

    def __init__(
        self, descriptor: int, *, first_byte: int, count_bytes: int, on_end: Callable[[int], None]
    ) -> None:
        self._descriptor, self._position, self._left = descriptor, first_byte, count_bytes
        self._on_end = on_end
        self._handed_over = 0
        self._has_begun = self._is_closed = False
        self.sent_bytes = 0

    def __aiter__(self) -> "Delivery":
        return self

    async def __anext__(self) -> bytes:
        # Being asked again means that the chunk before has been sent.
        self.sent_bytes += self._handed_over
        self._handed_over = 0
        if not self._has_begun:
            self._has_begun = True
            # The view's database connection must not stay out of the pool for as long as the download lasts.
            await sync_to_async(_give_back_connection)()
        if self._left == 0:
            await sync_to_async(self.close)()
            raise StopAsyncIteration
        chunk = await self._read(min(CHUNK_BYTES, self._left))
        self._position += len(chunk)
        self._left -= len(chunk)
        self._handed_over = len(chunk)
        return chunk

    def close(self) -> None:
        """Close the file and tell `on_end`; calling it again does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        os.close(self._descriptor)
        self._on_end(self.sent_bytes)

    async def _read(self, count_bytes: int) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            chunk = await loop.run_in_executor(
                READERS, os.pread, self._descriptor, count_bytes, self._position
            )
        except OSError:
            # The handler does not close an answer that fails.
            await sync_to_async(self.close)()
            raise
        if not chunk:
            await sync_to_async(self.close)()
            raise OSError("The stored file is shorter than it was when it was registered.")
        return chunk


def _give_back_connection() -> None:
    if not connection.in_atomic_block:
        connection.close()
