"""Before Django: which requests of /v1 are for its views, and how much of a body is let in, and from whom."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError

from playground.batches import actions
from playground.batches.errors import unknown_url, unreadable
from playground.gateway import errors
from playground.gateway.errors import JSON_HEADERS, ApiError
from portal.common.asgi import header_of
from portal.common.refusals import Refusal
from portal.common.requests import believed_address
from portal.common.threads import let_go_after
from portal.keys.authentication import bearer_token, find_key
from portal.keys.models import Scope

log = structlog.get_logger(__name__)

PLACES = ("/v1/files", "/v1/batches", "/v1/account")
# The form around a file: boundaries, headers, the purpose.
FORM_BYTES_MAX = 64 * 1024
JSON_BYTES_MAX = 1024 * 1024

Scopes = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


def is_for_batches(path: str) -> bool:
    """Whether Django's views of files, batches and the account answer for `path`.

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
        await _ask(pages, scope, receive, _Gate(send))
        return
    is_upload = scope["path"] == "/v1/files"
    body = _Body(receive, is_upload=is_upload)
    try:
        announced = _announced(scope)
        body.refuse_more_than_may(announced)
        if is_upload:
            authorization = header_of(scope, b"authorization")
            peer = (scope.get("client") or ("",))[0]
            address = believed_address(peer, forwarded_for=header_of(scope, b"x-forwarded-for"))
            size_bytes = max(0, announced - FORM_BYTES_MAX)
            await asyncio.to_thread(let_go_after, _require_welcome, authorization, address, size_bytes)
    except ApiError as error:
        await _refuse(send, error)
        return
    await _ask(pages, scope, body.receive, _Gate(send, body))


async def _ask(pages: Application, scope: Scopes, receive: Receive, gate: "_Gate") -> None:
    try:
        await pages(scope, receive, gate.send)
    except Exception:
        # Where even Django's own page of the error fails, which is how it looks at requests beyond reason.
        log.exception("batch_door_failed")
        if gate.is_open:
            raise
        gate.error = _of_status(HTTPStatus.INTERNAL_SERVER_ERROR)
    await gate.tell()


class _Body:
    """A request's body on its way in. Once it is too much, Django hears that the client has gone."""

    def __init__(self, receive: Receive, *, is_upload: bool) -> None:
        self._receive = receive
        self._is_upload = is_upload
        self._bytes_max = settings.BATCH_FILE_BYTES_MAX + FORM_BYTES_MAX if is_upload else JSON_BYTES_MAX
        self._bytes = 0
        self._is_whole = False
        self.error: ApiError | None = None

    def refuse_more_than_may(self, count: int) -> None:
        """Raise ApiError 413 for `count` bytes that are too many."""
        if count > self._bytes_max:
            code = "file_too_large" if self._is_upload else "request_too_large"
            helps = " Split the file into several." if self._is_upload else ""
            sentence = f"A request here may have {self._bytes_max:,} bytes at most.{helps}"
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code, sentence)

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
    """The way out: what our views answer, unless the body was refused or Django refused by itself.

    Django does so before a view sees the request, by a page for people.
    """

    def __init__(self, send: Send, body: _Body | None = None) -> None:
        self._send = send
        self._body = body
        self.error: ApiError | None = None
        self.is_open = False

    async def send(self, message: Mapping[str, Any]) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start" and _is_page_of_an_error(message):
            self.error = _of_status(message["status"])
        if self._refusal is None:
            self.is_open = True
            await self._send(message)

    async def tell(self) -> None:
        """Answer what Django could not."""
        if self._refusal is not None:
            await _refuse(self._send, self._refusal)

    @property
    def _refusal(self) -> ApiError | None:
        return (self._body.error if self._body else None) or self.error


def _is_page_of_an_error(start: Mapping[str, Any]) -> bool:
    kinds = [value for name, value in start["headers"] if name.lower() == b"content-type"]
    return start["status"] >= HTTPStatus.BAD_REQUEST and kinds != [b"application/json"]


def _of_status(status: int) -> ApiError:
    """What a page of Django's own says."""
    if status == HTTPStatus.NOT_FOUND:
        return unknown_url()
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return unreadable()
    sentence = "The portal failed on this request. If it stays, tell us the x-request-id."
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", sentence)


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
    given = header_of(scope, b"content-length")
    return int(given) if given.isascii() and given.isdigit() else 0


async def _refuse(send: Send, error: ApiError) -> None:
    request_id = f"req_{secrets.token_hex(16)}"
    log.info("batch_door_refused", code=error.code, request_id=request_id)
    told = [(name.encode(), value.encode()) for name, value in error.headers.items()]
    told.append((b"x-request-id", request_id.encode()))
    # The rest of the body is not read, so the connection is of no further use.
    headers = [*JSON_HEADERS, (b"connection", b"close"), *told]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": error.body()})
