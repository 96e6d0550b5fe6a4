"""Before Django: which requests are the Batch API's, and how much of a body is let in, and from whom."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError

from playground.batches import actions
from playground.gateway import errors
from playground.gateway.errors import JSON_HEADERS, ApiError
from portal.common.refusals import Refusal
from portal.common.requests import believed_address
from portal.common.threads import let_go_after
from portal.keys.authentication import bearer_token, find_key
from portal.keys.models import Scope

PLACES = ("/v1/files", "/v1/batches")
# The form around a file: boundaries, headers, the purpose.
FORM_BYTES_MAX = 64 * 1024
JSON_BYTES_MAX = 1024 * 1024

Scopes = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


def is_for_batches(path: str) -> bool:
    """Whether Django's views of files and batches answer for `path`.

    >>> [is_for_batches(path) for path in ("/v1/files", "/v1/batches/b/cancel", "/v1/filesystem")]
    [True, True, False]
    """
    return any(path == place or path.startswith(f"{place}/") for place in PLACES)


async def answer(scope: Scopes, receive: Receive, send: Send, *, pages: Application) -> None:
    """Answer one request by `pages`.

    Django's ASGI handler takes any body to disk before a view is asked, so a body is
    let in here only from who may send one, up to its largest size, and not for ever.
    """
    if scope["method"] != "POST":
        await pages(scope, receive, send)
        return
    is_upload = scope["path"] == "/v1/files"
    body = _Body(receive, settings.BATCH_FILE_BYTES_MAX + FORM_BYTES_MAX if is_upload else JSON_BYTES_MAX)
    try:
        announced = _announced(scope)
        body.refuse_more_than_may(announced)
        if is_upload:
            authorization = _header(scope, b"authorization")
            peer = (scope.get("client") or ("",))[0]
            address = believed_address(peer, forwarded_for=_header(scope, b"x-forwarded-for"))
            size_bytes = max(0, announced - FORM_BYTES_MAX)
            await asyncio.to_thread(let_go_after, _require_welcome, authorization, address, size_bytes)
    except ApiError as error:
        await _refuse(send, error)
        return
    gate = _Gate(send, body)
    await pages(scope, body.receive, gate.send)
    await gate.tell()


class _Body:
    """A request's body on its way in. Once it is too much, Django hears that the client has gone."""

    def __init__(self, receive: Receive, bytes_max: int) -> None:
        self._receive = receive
        self._bytes_max = bytes_max
        self._bytes = 0
        self._is_whole = False
        self.error: ApiError | None = None

    def refuse_more_than_may(self, count: int) -> None:
        """Raise ApiError 413 for `count` bytes that are too many."""
        if count > self._bytes_max:
            raise ApiError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "file_too_large",
                f"A request here may have {self._bytes_max:,} bytes at most. Split the file into several.",
            )

    async def receive(self) -> MutableMapping[str, Any]:
        """The next message of the body."""
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout(settings.GATEWAY_BODY_TIMEOUT_SECONDS):
                message = await self._receive()
            self._bytes += len(message.get("body", b""))
            self.refuse_more_than_may(self._bytes)
        except TimeoutError:
            sentence = "The request's body did not come in time."
            self.error = ApiError(HTTPStatus.REQUEST_TIMEOUT, "body_timeout", sentence)
        except ApiError as error:
            self.error = error
        if self.error is not None:
            return {"type": "http.disconnect"}
        self._is_whole = message["type"] == "http.request" and not message.get("more_body")
        return message


class _Gate:
    """The way out: what Django answers, unless the body was refused on its way in."""

    def __init__(self, send: Send, body: _Body) -> None:
        self._send = send
        self._body = body

    async def send(self, message: Mapping[str, Any]) -> None:
        """Pass a message on."""
        if self._body.error is None:
            await self._send(message)

    async def tell(self) -> None:
        """Answer what Django could not."""
        if self._body.error is not None:
            await _refuse(self._send, self._body.error)


def _require_welcome(authorization: str, address: str, size_bytes: int) -> None:
    """Raise ApiError for somebody at `address` who may not send a file of `size_bytes` at least."""
    try:
        key = find_key(bearer_token(authorization), scope=Scope.INFERENCE, address=address)
        actions.require_room(key, size_bytes=size_bytes)
    except Refusal as refusal:
        raise errors.from_refusal(refusal) from refusal
    except (OperationalError, InterfaceError) as error:
        sentence = "The portal cannot look up your key at present. Try again in a moment."
        raise errors.away("database_unavailable", sentence) from error


def _announced(scope: Scopes) -> int:
    """The body's length as the client says it, 0 where it says none."""
    given = _header(scope, b"content-length")
    return int(given) if given.isascii() and given.isdigit() else 0


def _header(scope: Scopes, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


async def _refuse(send: Send, error: ApiError) -> None:
    told = [(name.encode(), value.encode()) for name, value in error.headers.items()]
    # The rest of the body is not read, so the connection is of no further use.
    headers = [*JSON_HEADERS, (b"connection", b"close"), *told]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": error.body()})
