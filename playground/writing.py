"""The worker's end of the streams: one writer a process puts every generation's news out together."""

import asyncio
import contextlib
import time
from typing import Any, NamedTuple
from uuid import UUID

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from playground import streams

log = structlog.get_logger(__name__)

# People read a flow at 50 flushes a second as smooth; each flush costs a round trip.
FLUSH_SECONDS = 0.02
RECONNECT_SECONDS = 0.25
# An end that could not be told for so long is given up: the database told it already.
GIVE_UP_SECONDS = 600
EXPIRE_AGAIN_SECONDS = 60


class Mark(NamedTuple):
    """What one flush carries of a sink."""

    parts: int
    states: int
    is_snapshot: bool
    is_end: bool


class Sink:
    """One generation's way into its stream. It keeps the whole text, and how much of it is out."""

    def __init__(self, writer: "Writer", generation_id: UUID) -> None:
        self.writer = writer
        self.key = streams.key_of(generation_id)
        self.parts: list[str] = []
        self.states: list[str] = []
        self.end_status = ""
        self.ended_at = 0.0
        self.needs_snapshot = False
        self._written_parts = 0
        self._entries_since_snapshot = 0
        self._expires_at = 0.0

    @property
    def text(self) -> str:
        """Everything so far."""
        return "".join(self.parts)

    def state(self, state: str) -> None:
        """Tell how far it is."""
        self.states.append(state)
        self.writer.mark(self, is_urgent=True)

    def add(self, text: str) -> None:
        """Add a piece of the answer; the first goes out at once."""
        is_first = not self.parts
        self.parts.append(text)
        self.writer.mark(self, is_urgent=is_first)

    def end(self, status: str) -> None:
        """Tell the end, behind everything that was added."""
        self.end_status = status
        self.ended_at = time.monotonic()
        self.writer.mark(self, is_urgent=True)

    def put_on(self, pipe: Any) -> Mark:
        """Queue what is not out yet on `pipe`; return what `wrote` wants to know."""
        is_snapshot = self.needs_snapshot or self._entries_since_snapshot >= streams.ENTRIES_A_SNAPSHOT
        mark = Mark(len(self.parts), len(self.states), is_snapshot, bool(self.end_status))
        entries = [streams.entry(streams.STATE, state) for state in self.states]
        if is_snapshot:
            entries.append(streams.entry(streams.SNAPSHOT, self.text))
        elif mark.parts > self._written_parts:
            entries.append(streams.entry(streams.TOKEN, "".join(self.parts[self._written_parts :])))
        if mark.is_end:
            entries.append(streams.entry(streams.END, self.end_status))
        for fields in entries:
            pipe.xadd(self.key, fields, maxlen=streams.MAXIMUM_ENTRIES, approximate=True)
        if is_snapshot or mark.is_end or time.monotonic() > self._expires_at:
            pipe.expire(self.key, streams.TIME_TO_LIVE_SECONDS)
            self._expires_at = time.monotonic() + EXPIRE_AGAIN_SECONDS
        return mark

    def wrote(self, mark: Mark) -> None:
        """Everything up to `mark` is out."""
        self._written_parts = mark.parts
        del self.states[: mark.states]
        self._entries_since_snapshot += 1
        if mark.is_snapshot:
            self.needs_snapshot = False
            self._entries_since_snapshot = 0


class Writer:
    """Flushes every sink that has news in one pipeline, at most one at a time, at most each 20 ms.

    While Valkey is away nothing piles up but the texts themselves. A new connection may be to a
    new, empty Valkey, so after each one every open sink writes its whole text again as a snapshot.
    """

    def __init__(self, redis_url: str) -> None:
        self._connections = 0
        self._client = redis.asyncio.Redis.from_url(
            redis_url,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=5,
            socket_connect_timeout=2,
            redis_connect_func=self._connected,
        )
        self._open: set[Sink] = set()
        self._dirty: set[Sink] = set()
        self._news = asyncio.Event()
        self._urgent = asyncio.Event()
        self._last_flush = 0.0
        self._is_failing = False

    def open(self, generation_id: UUID) -> Sink:
        """Open a new sink."""
        sink = Sink(self, generation_id)
        self._open.add(sink)
        return sink

    def abandon(self, sink: Sink) -> None:
        """Drop a sink whose generation belongs to somebody else by now."""
        self._open.discard(sink)
        self._dirty.discard(sink)

    def mark(self, sink: Sink, *, is_urgent: bool = False) -> None:
        """There is news in `sink`."""
        self._dirty.add(sink)
        self._news.set()
        if is_urgent:
            self._urgent.set()

    async def run(self) -> None:
        """Flush for as long as the process lives."""
        while True:
            await self._news.wait()
            pause = self._last_flush + FLUSH_SECONDS - time.monotonic()
            if pause > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._urgent.wait(), pause)
            self._news.clear()
            self._urgent.clear()
            try:
                await self._flush()
                self._is_failing = False
            except (RedisError, OSError) as error:
                if not self._is_failing:
                    log.warning("stream_write_failed", error=type(error).__name__)
                self._is_failing = True
                self._distrust()
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _flush(self) -> None:
        dirty, connections = list(self._dirty), self._connections
        if not dirty:
            return
        async with self._client.pipeline(transaction=False) as pipe:
            marks = [(sink, sink.put_on(pipe)) for sink in dirty]
            self._dirty.difference_update(dirty)
            await pipe.execute()
        self._last_flush = time.monotonic()
        for sink, mark in marks:
            sink.wrote(mark)
            if mark.is_end:
                self.abandon(sink)
        if connections not in {0, self._connections}:
            self._distrust()

    def _distrust(self) -> None:
        """Forget what Valkey is believed to hold: every open text is written again."""
        now = time.monotonic()
        for sink in list(self._open):
            if sink.end_status and now - sink.ended_at > GIVE_UP_SECONDS:
                self.abandon(sink)
            else:
                sink.needs_snapshot = True
                self.mark(sink)

    async def _connected(self, connection: Any) -> None:
        await connection.on_connect()
        self._connections += 1
