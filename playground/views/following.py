"""The live stream of one answer as server-sent events: resumable, and without a database connection."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from playground import streams
from playground.listening import Listener, hub
from playground.models import ENDED, Generation
from playground.streams import Entry
from portal.accounts.models import User
from portal.common.prepared import prepared

# Proxies close what is silent for a minute; phones and cafés sooner.
HEARTBEAT_SECONDS = 12
OPENING = "retry: 1000\n\n"
HEARTBEAT = ": still here\n\n"


@require_safe
def stream(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Follow an answer from the entry behind Last-Event-ID (or `?after=`), else from its beginning.

    Events: `place` {place} in the line, from 1; `state` {status}; `token` {text} to append, `snapshot`
    {text} to replace what is shown, and `end` {status}, after which the answer's fragment has the whole.
    The event id is the stream's.
    """
    user = request.user
    if not isinstance(user, User):
        return HttpResponse("Sign in to follow this answer.", status=401, content_type="text/plain")
    status = _status(pk, user)
    if status is None:
        return HttpResponse("There is no such answer.", status=404, content_type="text/plain")
    # The header is the browser's own on a reconnection, and so newer than the address.
    after = _entry_id(request.headers.get("Last-Event-ID")) or _entry_id(request.GET.get("after"))
    response = StreamingHttpResponse(
        _events(pk, status=status, after=after), content_type="text/event-stream"
    )
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"
    return response


async def _events(pk: UUID, *, status: str, after: str) -> AsyncIterator[str]:
    yield OPENING
    if status in ENDED:
        yield _event((after, streams.entry(streams.END, status)))
        return
    if not after:
        # Whatever the page still shows is replaced by what comes.
        yield _event((streams.BEGINNING, streams.entry(streams.SNAPSHOT, "")))
    async with hub().follow(pk, after=after or streams.BEGINNING) as listener:
        async for text in _told(listener):
            yield text


async def _told(listener: Listener) -> AsyncIterator[str]:
    """What comes, as text for the wire, up to the end."""
    while True:
        entries = await listener.take(timeout_seconds=HEARTBEAT_SECONDS)
        if not entries:
            yield HEARTBEAT
            continue
        yield "".join(_event(entry) for entry in _merged(entries))
        if any(fields["e"] == streams.END for _, fields in entries):
            return


def _merged(entries: list[Entry]) -> list[Entry]:
    """`entries` with neighbouring tokens in one, for readers that are slower than the model.

    >>> _merged([("1-0", {"e": "token", "t": "a"}), ("2-0", {"e": "token", "t": "b"})])
    [('2-0', {'e': 'token', 't': 'ab'})]
    """
    merged: list[Entry] = []
    for entry_id, fields in entries:
        if merged and fields["e"] == merged[-1][1]["e"] == streams.TOKEN:
            merged[-1] = (entry_id, streams.entry(streams.TOKEN, merged[-1][1]["t"] + fields["t"]))
        else:
            merged.append((entry_id, fields))
    return merged


_FIELD_OF = {streams.TOKEN: "text", streams.SNAPSHOT: "text", streams.PLACE: "place"}


def _event(entry: Entry) -> str:
    """One server-sent event (WHATWG HTML, section 9.2)."""
    entry_id, fields = entry
    name = _FIELD_OF.get(fields["e"], "status")
    return f"id: {entry_id}\nevent: {fields['e']}\ndata: {json.dumps({name: fields['t']})}\n\n"


def _entry_id(given: str | None) -> str:
    """A stream id as the client gave it, "" for anything else."""
    return given if given and streams.ENTRY_ID.fullmatch(given) else ""


def _status(pk: UUID, user: User) -> str | None:
    """The answer's state if it is the person's own. One query."""
    return _statuses.first(pk=pk, user_id=user.pk)


@prepared
def _statuses(*, pk: UUID, user_id: int) -> QuerySet[Generation, str]:
    return Generation.objects.asked_by(user_id).filter(pk=pk).values_list("status", flat=True)
