"""How a file's bytes leave: by the kernel where it can, else a chunk at a time; counted as they go."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from io import FileIO
from secrets import token_hex
from typing import Any

from portal.common.asgi import disconnected
from portal.common.refusals import Refusal
from portal.hub.door.lookups import Hold
from portal.hub.door.ranges import Span
from portal.hub.zerocopy import EXTENSION, STALL_SECONDS

Send = Callable[[dict[str, Any]], Awaitable[None]]

# The most that one download holds in memory where the bytes must pass through it.
CHUNK_BYTES = 256 * 1024
# A pool of its own: a slow disk must hold up downloads only.
READERS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="weights")


class Parts:
    """An answer's body as pieces: stretches of the file, and for several ranges what stands between them."""

    def __init__(self, spans: Sequence[Span], *, size_bytes: int, is_partial: bool) -> None:
        self.spans = list(spans)
        self.is_partial = is_partial
        self._size_bytes = size_bytes
        # RFC 9110, section 14.6; random, so that no file can hold it on purpose.
        self._boundary = token_hex(16) if len(spans) > 1 else ""

    @property
    def status(self) -> HTTPStatus:
        """200, or 206 for ranges."""
        return HTTPStatus.PARTIAL_CONTENT if self.is_partial else HTTPStatus.OK

    @property
    def headers(self) -> dict[str, str]:
        """The headers that describe the body."""
        length = sum(len(piece) if isinstance(piece, bytes) else piece.count_bytes for piece in self.pieces())
        headers = {"Content-Length": str(length)}
        if self._boundary:
            headers["Content-Type"] = f"multipart/byteranges; boundary={self._boundary}"
        elif self.is_partial:
            headers["Content-Range"] = self._content_range(self.spans[0])
        return headers

    def pieces(self) -> list[bytes | Span]:
        """The body in its order."""
        if not self._boundary:
            return list(self.spans)
        pieces: list[bytes | Span] = []
        for span in self.spans:
            head = (
                f"\r\n--{self._boundary}\r\nContent-Type: application/octet-stream\r\n"
                f"Content-Range: {self._content_range(span)}\r\n\r\n"
            )
            pieces += [head.encode(), span]
        return [*pieces, f"\r\n--{self._boundary}--\r\n".encode()]

    def _content_range(self, span: Span) -> str:
        return f"bytes {span.first}-{span.last}/{self._size_bytes}"


class Moving:
    """One download under way in this process."""

    def __init__(self, download_id: int, *, hold: Hold, file: FileIO, parts: Parts) -> None:
        self.download_id = download_id
        self.hold = hold
        self.sent_bytes = 0
        self.refusal: Refusal | None = None
        self._file = file
        self._parts = parts
        self._task: asyncio.Task[None] | None = None

    async def run(self, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        """Send the body; returns early when the client goes or the download is cut.

        Raises ConnectionAbortedError, and what goes wrong with the file or the connection, as OSError.
        """
        copies = EXTENSION in scope.get("extensions", {})
        self._task = asyncio.create_task(self._send(send, copies=copies))
        gone = asyncio.create_task(disconnected(receive))
        try:
            await asyncio.wait([self._task, gone], return_when=asyncio.FIRST_COMPLETED)
            self._task.cancel()
            await asyncio.wait([self._task])
        finally:
            self._task.cancel()
            gone.cancel()
        if self.refusal is not None:
            raise ConnectionAbortedError(self.refusal.sentence)
        if not self._task.cancelled() and (error := self._task.exception()):
            raise error

    def cut(self, refusal: Refusal) -> None:
        """End it now, because of `refusal`."""
        self.refusal = refusal
        if self._task is not None:
            self._task.cancel()

    async def _send(self, send: Send, *, copies: bool) -> None:
        move = self._copy if copies else self._read
        for piece in self._parts.pieces():
            if isinstance(piece, bytes):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            else:
                await move(send, piece)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _copy(self, send: Send, span: Span) -> None:
        stretch = {"file": self._file, "offset": span.first, "count": span.count_bytes}
        await send({"type": EXTENSION, **stretch, "on_sent": self._count})

    async def _read(self, send: Send, span: Span) -> None:
        loop = asyncio.get_running_loop()
        position = span.first
        while position <= span.last:
            count = min(CHUNK_BYTES, span.last + 1 - position)
            chunk = await loop.run_in_executor(READERS, os.pread, self._file.fileno(), count, position)
            if not chunk:
                raise OSError("The stored file is shorter than it was when it was registered.")
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except TimeoutError as error:
                raise ConnectionAbortedError("The client takes nothing any more.") from error
            position += len(chunk)
            self._count(len(chunk))

    def _count(self, count_bytes: int) -> None:
        # From one thread at a time.
        self.sent_bytes += count_bytes
