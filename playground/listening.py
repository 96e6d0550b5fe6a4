"""The web's end of the streams: one blocking XREAD a process that serves everybody who follows an answer."""

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import redis.asyncio
import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from playground import queueing, streams
from playground.models import ENDED, Generation
from playground.streams import Entry
from portal.common.threads import let_go

log = structlog.get_logger(__name__)

BLOCK_MILLISECONDS = 5_000
RECONNECT_SECONDS = 0.25
# Rests between two reads, so that with many streams one read brings many entries.
REST_SECONDS_A_STREAM = 0.0001
REST_MAX_SECONDS = 0.02
# An end that Valkey lost is found in the database after so long at most.
LOOK_SECONDS = 5
# Where somebody stands in the line is news for a person, not for a program.
PLACE_SECONDS = 1
WAKE_EXPIRES_SECONDS = 600


class Listener:
    """One follower of one generation. What it has not taken yet waits here, never longer than the answer."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._news = asyncio.Event()

    def give(self, entries: list[Entry]) -> None:
        """Add entries for the follower."""
        self._entries.extend(entries)
        self._news.set()

    async def take(self, *, timeout_seconds: float) -> list[Entry]:
        """Wait for entries; none after `timeout_seconds`."""
        if not self._entries:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), timeout_seconds)
        taken, self._entries = self._entries, []
        self._news.clear()
        return taken


class Channel:
    """Those who follow one generation, and the id up to which they were given everything."""

    def __init__(self, generation_id: UUID, last_id: str) -> None:
        self.generation_id = generation_id
        self.last_id = last_id
        self.listeners: set[Listener] = set()
        # Nothing has come yet, so it may still stand in the line.
        self.is_waiting = last_id == streams.BEGINNING
        self.place = 0

    def give(self, entries: list[Entry]) -> None:
        """Pass entries on to all."""
        self.last_id = entries[-1][0]
        self.is_waiting = False
        self._pass_on(entries)

    def tell_place(self, place: int) -> None:
        """Tell all where it stands in the line, if that is news."""
        if place != self.place:
            self.place = place
            self._pass_on([(self.last_id, streams.entry(streams.PLACE, str(place)))])

    def _pass_on(self, entries: list[Entry]) -> None:
        for listener in self.listeners:
            listener.give(entries)


class Hub:
    """All followers of one event loop."""

    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}
        self._wake_key = f"playground:wake:{uuid4()}"
        self._wake_id = streams.BEGINNING
        # Our own loop waits and tries again; the library's would hide that Valkey went away.
        options: dict[str, Any] = {"decode_responses": True, "retry": Retry(NoBackoff(), 0)}
        url = settings.REDIS_URL
        # redis-py's own limit of five seconds would break every longer block.
        self._reader = redis.asyncio.Redis.from_url(url, socket_timeout=None, **options)
        self._asker = redis.asyncio.Redis.from_url(url, socket_timeout=5, **options)
        self._tasks: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def follow(self, generation_id: UUID, *, after: str) -> AsyncIterator[Listener]:
        """Follow a generation from the entry behind `after` on. Costs no connection of its own."""
        key, listener = streams.key_of(generation_id), Listener()
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(generation_id, after)
            channel.listeners.add(listener)
            await self._wake()
        else:
            # What comes from now on is collected meanwhile, what came before is asked for.
            upto = channel.last_id
            channel.listeners.add(listener)
            await self._catch_up(key, listener, after=after, upto=upto)
        self._ensure_running()
        try:
            yield listener
        finally:
            channel.listeners.discard(listener)
            if not channel.listeners and self._channels.get(key) is channel:
                del self._channels[key]

    async def _catch_up(self, key: str, listener: Listener, *, after: str, upto: str) -> None:
        if _order(after) >= _order(upto):
            return
        with contextlib.suppress(RedisError, OSError):
            entries: Any = await self._asker.xrange(key, min=f"({after}", max=upto)
            later = await listener.take(timeout_seconds=0)
            listener.give([*entries, *later])

    async def _wake(self) -> None:
        """End the block, so that the next read knows the new stream."""
        with contextlib.suppress(RedisError, OSError):
            async with self._asker.pipeline(transaction=False) as pipe:
                pipe.xadd(self._wake_key, {"e": "", "t": ""}, maxlen=1, approximate=False)
                pipe.expire(self._wake_key, WAKE_EXPIRES_SECONDS)
                await pipe.execute()

    def _ensure_running(self) -> None:
        if not self._tasks or any(task.done() for task in self._tasks):
            for task in self._tasks:
                task.cancel()
            works = (self._read, self._look, self._look_at_the_line)
            self._tasks = [asyncio.create_task(work()) for work in works]

    async def _read(self) -> None:
        while True:
            wanted: dict[Any, Any] = {key: channel.last_id for key, channel in self._channels.items()}
            wanted[self._wake_key] = self._wake_id
            try:
                answer: Any = await self._reader.xread(wanted, block=BLOCK_MILLISECONDS)
            except (RedisError, OSError) as error:
                log.warning("stream_read_failed", error=type(error).__name__)
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            for key, entries in answer or ():
                if key == self._wake_key:
                    self._wake_id = entries[-1][0]
                elif channel := self._channels.get(key):
                    channel.give(entries)
            await asyncio.sleep(min(REST_MAX_SECONDS, REST_SECONDS_A_STREAM * len(wanted)))

    async def _look(self) -> None:
        """Tell ends that never came through Valkey: one query for all followers each few seconds."""
        ask = sync_to_async(_ended, thread_sensitive=False)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            followed = {channel.generation_id: channel for channel in self._channels.values()}
            if not followed:
                continue
            for generation_id, status in await ask(list(followed)):
                channel = followed[generation_id]
                channel.give([(channel.last_id, streams.entry(streams.END, status))])

    async def _look_at_the_line(self) -> None:
        """Tell those who wait where they stand; nothing is asked while nobody does."""
        ask = sync_to_async(_places, thread_sensitive=False)
        while True:
            await asyncio.sleep(PLACE_SECONDS)
            waiting = {one.generation_id: one for one in self._channels.values() if one.is_waiting}
            if not waiting:
                continue
            for generation_id, place in (await ask(list(waiting))).items():
                if (channel := waiting[generation_id]).is_waiting:
                    channel.tell_place(place)


def hub() -> Hub:
    """Find or make the running event loop's hub."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def _order(entry_id: str) -> tuple[int, int]:
    """An entry id as its two numbers.

    >>> _order("12-3") < _order("100-0")
    True
    """
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number)


def _places(generation_ids: list[UUID]) -> dict[UUID, int]:
    """Where each stands in its line. No connection is kept."""
    try:
        return queueing.places(generation_ids)
    except DatabaseError as error:
        log.warning("places_unknown", error=type(error).__name__)
        return {}
    finally:
        let_go()


def _ended(generation_ids: list[UUID]) -> list[tuple[UUID, str]]:
    """Those of the generations that have ended, with their states. One query, no connection kept."""
    try:
        rows = Generation.objects.filter(pk__in=generation_ids, status__in=ENDED)
        return list(rows.values_list("pk", "status"))
    except DatabaseError as error:
        log.warning("generation_ends_unknown", error=type(error).__name__)
        return []
    finally:
        let_go()
