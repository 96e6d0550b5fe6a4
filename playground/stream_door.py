"""Before Django: the stream of an answer whose page was just given, for the ticket that came with it.

The script asks for it at once behind each message. Through the middleware it would cost four questions to
the database and five milliseconds of processor time, which the first token waits for.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from django.conf import settings
from django.http import parse_cookie

from playground import following, ticketing
from playground.models import GenerationStatus
from portal.common.asgi import disconnected, header_of

_PATH = re.compile(r"/playground/generations/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/stream/")
_HEADERS = [(name.lower().encode(), value.encode()) for name, value in following.HEADERS.items()]
_HEADERS.append((b"x-content-type-options", b"nosniff"))

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


def opened(scope: Mapping[str, Any]) -> UUID | None:
    """The answer whose stream the request's ticket opens; None sends it to Django, which looks it up."""
    path = _PATH.fullmatch(scope["path"])
    if path is None or scope["method"] != "GET":
        return None
    ticket = _asked(scope, "ticket")
    session_key = parse_cookie(header_of(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME, "")
    pk = UUID(path[1])
    return pk if ticket and session_key and ticketing.is_valid(ticket, pk, session_key=session_key) else None


async def answer(generation_id: UUID, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Tell what comes of an answer until it ends or the client leaves."""
    after = following.place_behind(header_of(scope, b"last-event-id"), _asked(scope, "after"))
    telling = asyncio.create_task(_tell(generation_id, after, send))
    leaving = asyncio.create_task(disconnected(receive))
    try:
        await asyncio.wait((telling, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling


async def _tell(generation_id: UUID, after: str, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    # It was being written when its page was made; what became of it since is in the stream.
    events = following.events(generation_id, status=GenerationStatus.QUEUED, after=after)
    async with contextlib.aclosing(events):
        async for text in events:
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _asked(scope: Mapping[str, Any], name: str) -> str:
    """A value of the address, "" where there is none."""
    query: bytes = scope["query_string"]
    return parse_qs(query.decode("latin-1")).get(name, [""])[0]
