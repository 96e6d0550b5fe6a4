"""The Redis stream of one generation: its keys, its entries, and what one can read of it without waiting.

An entry is {"e": event, "t": text}. `token` adds its text to what went before, `snapshot`
replaces it all (after Valkey lost entries, and every so often so that trimming loses nothing),
`state` and `end` carry a status. An answer's text in the database is the truth; this is only the way there.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

TOKEN, SNAPSHOT, STATE, END = "token", "snapshot", "state", "end"
# Never stored: where a generation stands in the line, told to those who follow it.
PLACE = "place"
BEGINNING = "0-0"
# A snapshot at least this often, and a length that always holds one, so that a trimmed stream is still whole.
ENTRIES_A_SNAPSHOT = 2_000
MAXIMUM_ENTRIES = 3 * ENTRIES_A_SNAPSHOT
# Long enough for a reload after lunch; later readers get the database's text.
TIME_TO_LIVE_SECONDS = 3_600
CANCEL_CHANNEL = "playground:cancel"
ENTRY_ID = re.compile(r"\d{1,15}-\d{1,10}")

Entry = tuple[str, Mapping[str, str]]


def key_of(generation_id: UUID | str) -> str:
    """The stream's key."""
    return f"generation:{generation_id}"


def entry(event: str, text: str) -> dict[Any, Any]:
    """The fields of one entry."""
    return {"e": event, "t": text}


def storable(text: str) -> str:
    """`text` without what UTF-8 or PostgreSQL cannot hold: lone surrogates and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


@dataclass(frozen=True)
class Seen:
    """What a stream held at one moment: the text so far, and the id from which to go on."""

    text: str
    last_id: str


NOTHING = Seen("", BEGINNING)


def told_by(entries: Iterable[Entry]) -> Seen:
    """The text that `entries` add up to.

    >>> told_by([("1-0", {"e": "token", "t": "a"}), ("2-0", {"e": "snapshot", "t": "ab"})])
    Seen(text='ab', last_id='2-0')
    """
    parts: list[str] = []
    last_id = BEGINNING
    for entry_id, fields in entries:
        if fields["e"] == SNAPSHOT:
            parts = [fields["t"]]
        elif fields["e"] == TOKEN:
            parts.append(fields["t"])
        last_id = entry_id
    return Seen("".join(parts), last_id)


def seen(generation_id: UUID) -> Seen:
    """What the stream holds now; nothing when Valkey is away. One round trip."""
    try:
        entries: Any = client().xrange(key_of(generation_id))
    except redis.RedisError:
        return NOTHING
    return told_by(entries)


def announce_end(generation_id: UUID, *, status: str) -> None:
    """Tell those who follow that a generation ended without a worker; they would notice soon anyway."""
    key = key_of(generation_id)
    try:
        with client().pipeline(transaction=False) as pipe:
            pipe.xadd(key, entry(END, status), maxlen=MAXIMUM_ENTRIES, approximate=True)
            pipe.expire(key, TIME_TO_LIVE_SECONDS)
            pipe.execute()
    except redis.RedisError:
        log.warning("generation_end_not_announced", generation=str(generation_id))


def request_cancel(generation_id: UUID) -> None:
    """Tell the worker to stop; its heartbeat reads the wish from the database if this is lost."""
    try:
        client().publish(CANCEL_CHANNEL, str(generation_id))
    except redis.RedisError:
        log.warning("generation_cancel_not_published", generation=str(generation_id))


def forget(generation_ids: Iterable[UUID]) -> None:
    """Remove the streams of generations that are to leave no trace, before their time is over."""
    if not (keys := [key_of(pk) for pk in generation_ids]):
        return
    try:
        client().delete(*keys)
    except redis.RedisError:
        log.warning("generation_streams_not_removed", count=len(keys))


@cache
def client() -> Any:
    """The process's own client for calls that do not wait: a page is not held up by a Valkey that is away."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_timeout=2,
        socket_connect_timeout=2,
        # Once more for a connection that a restart cut, but without the library's seconds of pauses.
        retry=Retry(NoBackoff(), 1),
    )
