"""One request and its answer: headers and body read within limits, an answer or an error sent once."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from django.conf import settings

from playground.gateway.dialects import ANTHROPICS, error_body, error_event
from playground.gateway.errors import JSON_HEADERS, ApiError, ClientGone
from portal.common.asgi import disconnected
from portal.common.requests import CLIENT_CHARACTERS_MAX, believed_address

Header = tuple[bytes, bytes]
HEADER_COUNT_MAX = 100
KEY_HEADERS = frozenset({b"authorization", b"x-api-key"})
# A client that announces more than this is cut off instead of being read to its end.
DISCARDED_BYTES_MAX = 64 * 1024 * 1024


class Exchange:
    """What ASGI gives us of one request, and what has been answered so far."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self.method: str = scope["method"]
        # The path as it was sent, so that no encoding of it passes for another.
        self.path: bytes = scope.get("raw_path") or scope["path"].encode()
        self.decoded_path: str = scope["path"]
        self.headers: dict[bytes, bytes] = {}
        self.request_id = f"req_{secrets.token_hex(16)}"
        # Added to every answer: the request's id, and the limits once they are known.
        self.extra_headers: list[Header] = [(b"x-request-id", self.request_id.encode())]
        self.is_started = False
        self.is_ended = False
        self.is_stream = False
        self._scope = scope
        self._receive = receive
        self._send = send
        self._is_body_read = False
        self._task: asyncio.Task[Any] | None = None
        self._cut: ApiError | None = None
        self._began_at = time.monotonic()

    def read_headers(self) -> None:
        """Take in the headers. Raises ApiError 431 for too many or too long ones, 400 for two keys."""
        given = self._scope["headers"]
        size = sum(len(name) + len(value) for name, value in given)
        if size > settings.GATEWAY_HEADER_BYTES_MAX or len(given) > HEADER_COUNT_MAX:
            raise ApiError(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers_too_large",
                f"The request's headers are longer than {settings.GATEWAY_HEADER_BYTES_MAX} bytes.",
            )
        for name, value in given:
            if name in KEY_HEADERS and name in self.headers:
                raise ApiError(HTTPStatus.BAD_REQUEST, "two_keys", "Send one Authorization header.")
            self.headers[name] = value

    def header(self, name: bytes) -> str:
        """A header's value, "" when it was not sent."""
        return self.headers.get(name, b"").decode("latin-1")

    def elapsed_ms(self) -> int:
        """The milliseconds since the request arrived."""
        return int((time.monotonic() - self._began_at) * 1000)

    def authorization(self) -> str:
        """The Authorization header, or what Anthropic's clients send in its stead."""
        given = self.header(b"authorization")
        if not given and self.path in ANTHROPICS and (token := self.header(b"x-api-key")):
            return f"Bearer {token}"
        return given

    def client_name(self) -> str:
        """The client's User-Agent, cut to 200 characters."""
        return self.header(b"user-agent")[:CLIENT_CHARACTERS_MAX]

    def client_address(self) -> str:
        """The client's IP address, as far as proxies are believed."""
        peer = (self._scope.get("client") or ("",))[0]
        return believed_address(peer, forwarded_for=self.header(b"x-forwarded-for"))

    async def read_body(self) -> bytes:
        """The request's body.

        Raises ApiError 413 when it is too long, 415 when it is not plain JSON, 408 when it
        comes too slowly, and ClientGone.
        """
        self._refuse_body_by_headers()
        pieces, size, has_more = [], 0, True
        while has_more:
            message = await self._received_in_time()
            if message["type"] == "http.disconnect":
                raise ClientGone
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > settings.GATEWAY_BODY_BYTES_MAX:
                raise _too_large()
            has_more = message.get("more_body", False)
        self._is_body_read = True
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _received_in_time(self) -> Any:
        """What the server has received next. Raises ApiError 408 when nothing comes for too long."""
        # Less than half of what asyncio.timeout takes, with every request.
        task = self._task = asyncio.current_task()
        assert task is not None
        clock = asyncio.get_running_loop().call_later(settings.GATEWAY_BODY_TIMEOUT_SECONDS, self._cut_body)
        try:
            return await self._receive()
        except asyncio.CancelledError:
            if self._cut is not None and task.uncancel() == 0:
                raise self._cut from None
            raise
        finally:
            clock.cancel()
            self._task = None

    def _cut_body(self) -> None:
        sentence = "The request's body did not arrive in time."
        self.cut(ApiError(HTTPStatus.REQUEST_TIMEOUT, "body_too_slow", sentence))

    def _refuse_body_by_headers(self) -> None:
        kind = self.header(b"content-type").partition(";")[0].strip().lower()
        if kind != "application/json" or self.header(b"content-encoding"):
            raise ApiError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send plain JSON, with the header “Content-Type: application/json”.",
            )
        length = self.header(b"content-length")
        if length.isdigit() and int(length) > settings.GATEWAY_BODY_BYTES_MAX:
            raise _too_large()

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Break off what happens inside when the client leaves or `cut` is called, once the body is read.

        Raises ClientGone, and what `cut` was given.
        """
        task = self._task = asyncio.current_task()
        assert task is not None

        def left(watch: asyncio.Task[None]) -> None:
            if not watch.cancelled() and not self.is_ended:
                task.cancel()

        watch = asyncio.create_task(disconnected(self._receive))
        watch.add_done_callback(left)
        try:
            yield
        except asyncio.CancelledError:
            # Somebody else, such as the server at its end, may have cancelled the task as well.
            if self._cut is not None and task.uncancel() == 0:
                raise self._cut from None
            if watch.done() and not watch.cancelled() and task.uncancel() == 0:
                raise ClientGone from None
            raise
        finally:
            self._task = None
            watch.cancel()

    def cut(self, error: ApiError) -> None:
        """Break the answer off, since its owner may have no more of it."""
        if self._task is not None and self._cut is None and not self.is_ended:
            self._cut = error
            self._task.cancel()

    async def start(self, status: int, headers: Iterable[Header]) -> None:
        """Send the status and the headers."""
        self.is_started = True
        await self._send(
            {"type": "http.response.start", "status": status, "headers": [*headers, *self.extra_headers]}
        )

    async def write(self, piece: bytes, *, more: bool) -> None:
        """Send a piece of the body; returns when the client is ready for another."""
        self.is_ended = not more
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def answer(self, status: int, body: bytes, headers: Iterable[Header] = JSON_HEADERS) -> None:
        """Send a whole answer."""
        await self.start(status, [*headers, (b"content-length", b"%d" % len(body))])
        await self.write(body, more=False)

    async def fail(self, error: ApiError) -> None:
        """Send an error as the whole answer, or as the last event of a stream that has begun.

        Another answer that has begun is left without its end, so that the server cuts the connection.
        """
        if self.is_started:
            if self.is_stream:
                await self.write(error_event(self.path, error, request_id=self.request_id), more=False)
            return
        headers = [*JSON_HEADERS, *((name.encode(), value.encode()) for name, value in error.headers.items())]
        if not self._is_body_read and self._has_much_to_come():
            headers.append((b"connection", b"close"))
        await self.answer(error.status, error_body(self.path, error, request_id=self.request_id), headers)

    def _has_much_to_come(self) -> bool:
        """Whether an unread body is too long, or of unknown length, to be read and thrown away."""
        length = self.header(b"content-length")
        if length.isdigit():
            return int(length) > DISCARDED_BYTES_MAX
        return b"transfer-encoding" in self.headers


def _too_large() -> ApiError:
    megabytes = settings.GATEWAY_BODY_BYTES_MAX / 1024 / 1024
    return ApiError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "request_too_large",
        f"The request's body is larger than {megabytes:g} MiB.",
    )
