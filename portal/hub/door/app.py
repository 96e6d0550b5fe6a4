"""The door's ASGI application: from a request for a file to its bytes, or to the reason why not."""

from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import structlog
from django.db import DatabaseError

from portal.common.refusals import Refusal
from portal.hub.actions import Wish
from portal.hub.door import ranges
from portal.hub.door.claims import Claim, claim_of
from portal.hub.door.conditions import early_status
from portal.hub.door.delivering import Order, deliver
from portal.hub.door.moving import Parts
from portal.hub.door.reply import Reply, etag_of, headers_of
from portal.hub.door.request import Request
from portal.hub.door.running import Running
from portal.hub.errors import DATABASE_AWAY, told
from portal.hub.limits import TRY_AGAIN_SECONDS
from portal.releases.models import WeightFile

# For what is asked of the database; what is remembered asks nothing.
THREADS = 8

log = structlog.get_logger(__name__)


class Door:
    """Answers GET and HEAD for files; a refusal that a person should read is left to `pages`."""

    def __init__(
        self, *, pages: Callable[[Any, Any, Any], Awaitable[None]], threads: Executor | None = None
    ) -> None:
        self._pages = pages
        self._threads = threads or ThreadPoolExecutor(THREADS, thread_name_prefix="door")
        self._running: Running | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        request = Request(scope)
        reply = Reply(send, request_id=request.request_id)
        try:
            await self._answer(request, reply, receive)
        except Refusal as refusal:
            if request.wants_page and request.method == "GET":
                await self._pages(scope, receive, send)
            else:
                await _refuse(reply, refusal)
        except DatabaseError as error:
            log.warning("door_database_away", error=type(error).__name__)
            await _refuse(reply, Refusal("database_unavailable", DATABASE_AWAY, status=503))

    async def stop(self) -> None:
        """Stop what runs beside the requests."""
        if self._running is not None:
            await self._running.stop()
            self._running = None

    async def _answer(self, request: Request, reply: Reply, receive: Any) -> None:
        """Raises Refusal, before anything was sent."""
        if request.method not in ("GET", "HEAD"):
            raise Refusal("method_not_allowed", "Ask for a file by GET or HEAD.", status=405)
        running = self._running = self._running or Running(threads=self._threads)
        await running.begin_watching()
        seen = running.changes_count
        claim = await claim_of(running, request)
        file = claim.file
        warnings = await running.warnings.get((claim.user, claim.key, file))
        if status := early_status(request, etag=etag_of(file), modified_at=file.revision.frozen_at):
            await reply.whole(status, headers_of(file), warnings=warnings)
            return
        if request.method == "HEAD":
            headers = headers_of(file) | {"Content-Length": str(file.size_bytes)}
            await reply.whole(HTTPStatus.OK, headers, warnings=warnings)
            return
        try:
            parts = _parts(request, file)
        except ranges.UnsatisfiableRange:
            headers = {"Content-Range": f"bytes */{file.size_bytes}", "Content-Length": "0"}
            await reply.whole(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers_of(file) | headers)
            return
        order = Order(_wish(request, claim, parts), parts, warnings, seen)
        await deliver(running, order, reply, request.scope, receive)


def _parts(request: Request, file: WeightFile) -> Parts:
    """What of the file is asked. Raises UnsatisfiableRange."""
    spans = []
    if ranges.may_resume(request.header("if-range"), etag=etag_of(file)):
        spans = ranges.requested(request.header("range"), size_bytes=file.size_bytes)
    wanted = spans or [ranges.whole(file.size_bytes)]
    return Parts(wanted, size_bytes=file.size_bytes, is_partial=bool(spans))


def _wish(request: Request, claim: Claim, parts: Parts) -> Wish:
    return Wish(
        user=claim.user,
        file=claim.file,
        spans=[(span.first, span.last) for span in parts.spans],
        key=claim.key,
        link=claim.link,
        address=request.address,
        client=request.client,
        connection=request.connection,
    )


async def _refuse(reply: Reply, refusal: Refusal) -> None:
    answer = told(refusal)
    headers = answer.headers | {"Content-Length": str(len(answer.body))}
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = str(TRY_AGAIN_SECONDS)
    if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = "GET, HEAD"
    await reply.whole(refusal.status, headers, answer.body)
