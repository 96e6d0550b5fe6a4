"""What who follows an answer is told, as server-sent events: resumable, and without a database connection."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from uuid import UUID

from playground import streams
from playground.listening import Listener, hub
from playground.models import ENDED
from playground.streams import Entry

# Proxies close what is silent for a minute; phones and cafés sooner.
HEARTBEAT_SECONDS = 12
OPENING = "retry: 1000\n\n"
HEARTBEAT = ": still here\n\n"
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


async def events(generation_id: UUID, *, status: str, after: str) -> AsyncGenerator[str]:
    """The events of one answer behind the entry `after`, from its beginning for "", up to its end.

    `status` is the answer's: one that has ended tells only that.
    """
    yield OPENING
    if status in ENDED:
        yield _event((after, streams.entry(streams.END, status)))
        return
    if not after:
        # Whatever the page still shows is replaced by what comes.
        yield _event((streams.BEGINNING, streams.entry(streams.SNAPSHOT, "")))
    async with hub().follow(generation_id, after=after or streams.BEGINNING) as listener:
        async for text in _told(listener):
            yield text


def place_behind(last_event_id: str | None, after: str | None) -> str:
    """The entry from which to go on: the header's, which is newer, else the address's; "" for neither."""
    return _entry_id(last_event_id) or _entry_id(after)


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
