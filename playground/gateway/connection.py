"""One HTTP/1.1 connection to a model server: raw asyncio and httptools, with back-pressure and deadlines."""

import asyncio
from http import HTTPStatus
from typing import Any

import httptools

# As much of an answer is held for a slow client; beyond it the model server has to wait.
BUFFERED_BYTES_MAX = 256 * 1024
HEADER_BYTES_MAX = 64 * 1024


class UpstreamLost(Exception):  # noqa: N818 - told to the client as an error of its own
    """The model server closed the connection, or spoke no HTTP, before its answer was whole."""


class UpstreamSilent(Exception):  # noqa: N818
    """The model server said nothing for too long."""


class Connection(asyncio.Protocol):
    """Sends one request at a time and gives its answer out in pieces."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.has_answered = False
        self.is_complete = False
        self.is_reusable = False
        self.is_lost = False
        self.idle_since = 0.0
        # The moment after which `expire` is called by the pool's clock; infinity while nobody waits.
        self.deadline = float("inf")
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._buffered_bytes = 0
        self._header_bytes = 0
        self._is_paused = False
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._transport: Any = None

    # -- What the gateway does with it -----------------------------------------------------
    def send(self, request: bytes) -> None:
        """Write a whole request and make ready for its answer."""
        self.status, self.headers, self._header_bytes = 0, {}, 0
        self.has_answered = self.is_complete = self.is_reusable = False
        self._failure = None
        self._transport.write(request)

    async def head(self, *, timeout_seconds: float) -> None:
        """Wait for the status and the headers. Raises UpstreamLost or UpstreamSilent."""
        while not self.has_answered:
            await self._wait(timeout_seconds)

    async def piece(self, *, timeout_seconds: float) -> bytes:
        """All of the body that has come since the last piece; b"" at its end.

        Raises UpstreamLost or UpstreamSilent.
        """
        while not self._pieces:
            if self.is_complete:
                return b""
            await self._wait(timeout_seconds)
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._buffered_bytes = 0
        if self._is_paused and not self.is_lost:
            self._is_paused = False
            self._transport.resume_reading()
        return body

    @property
    def is_behind(self) -> bool:
        """Whether more of the answer lies here, or waits at the sender, than was given out."""
        return self._is_paused or bool(self._pieces)

    @property
    def is_exhausted(self) -> bool:
        """Whether the last piece of a whole answer has been given out."""
        return self.is_complete and not self._pieces

    def abort(self) -> None:
        """Close the connection at once, which is how a model server learns that nobody listens."""
        self.is_lost = True
        self._fail(UpstreamLost())
        if self._transport is not None:
            self._transport.abort()

    def expire(self) -> None:
        """The deadline has passed."""
        self._failure = UpstreamSilent()
        self.abort()

    async def _wait(self, timeout_seconds: float) -> None:
        if self._failure is not None:
            raise self._failure
        if self.is_lost:
            raise UpstreamLost
        self._waiter = self._loop.create_future()
        self.deadline = self._loop.time() + timeout_seconds
        try:
            await self._waiter
        finally:
            self.deadline = float("inf")
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self.is_complete:
            return
        self._failure = self._failure or error
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(self._failure)

    # -- What asyncio tells it -------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Parse what came; what is no HTTP ends the connection."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(UpstreamLost())
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the answer, or tell who waits for it that it broke off."""
        self.is_lost = True
        if self.has_answered and exc is None and self._ends_with_connection():
            self.is_complete = True
            self._wake()
        self._fail(UpstreamLost())

    def _ends_with_connection(self) -> bool:
        """Whether the body has neither a length nor chunks, and so ends where the connection does."""
        return b"content-length" not in self.headers and b"transfer-encoding" not in self.headers

    # -- What httptools tells it -----------------------------------------------------------
    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header in."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > HEADER_BYTES_MAX:
            raise httptools.HttpParserError("The headers are too long.")
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The head is whole; an interim answer (1xx) is passed over."""
        status = self._parser.get_status_code()
        if status >= HTTPStatus.OK:
            self.status, self.has_answered = status, True
            self._wake()
        else:
            self.headers = {}

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body in."""
        self._pieces.append(body)
        self._buffered_bytes += len(body)
        if self._buffered_bytes > BUFFERED_BYTES_MAX and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self.has_answered:
            self.is_reusable = self._parser.should_keep_alive()
            self.is_complete = True
            self._wake()
