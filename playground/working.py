"""The inference worker's process: one event loop for all its streams, one heartbeat, one ear for stops."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

import redis.asyncio
import structlog
import uvloop
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from redis.exceptions import RedisError

from playground import actions, readiness, streams, upstream
from playground.answering import Job, Request, answer
from playground.models import Generation, GenerationStatus
from playground.threads import messages_for
from playground.writing import Writer

log = structlog.get_logger(__name__)
T = TypeVar("T")

HEARTBEAT_SECONDS = 5
RECONNECT_SECONDS = 0.5
# An answer is written again for so long when the database is away at its end.
SAVE_ATTEMPTS = 6
_END_WITH = {
    GenerationStatus.DONE: actions.finish,
    GenerationStatus.CANCELLED: actions.stop,
    GenerationStatus.FAILED: actions.fail,
}


class Engine:
    """What one worker process shares among its threads. A thread waits; the loop does the work."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self.jobs: dict[UUID, Job] = {}
        self.is_ready = threading.Event()
        for work in (self._run_loop, self._beat):
            threading.Thread(target=work, name=f"playground{work.__name__}", daemon=True).start()
        self.is_ready.wait()

    def wait_for(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` on the loop; the calling thread sleeps meanwhile."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def generate(self, generation_id: UUID) -> None:
        """Answer one generation from its claim to its end."""
        # The job is known before the claim, so that no stop sign falls between the two.
        job = Job(generation_id)
        if self.jobs.setdefault(generation_id, job) is not job:
            return
        try:
            if generation := actions.begin(generation_id):
                job.attempt = generation.attempt
                self._answer(job, generation)
        finally:
            self.jobs.pop(generation_id, None)

    def _answer(self, job: Job, generation: Generation) -> None:
        request = _request(generation)
        # Hundreds of threads wait here; none may keep a connection of the pool.
        _give_back_connection()
        sink = self.writer.open(generation.pk)
        status, outcome = self.wait_for(answer(job, request, sink=sink, session=self.session))
        is_ours = not job.is_lost and _save(generation, status=status, outcome=outcome)
        # Through the same writer as the tokens, else the end would overtake the last of them.
        self.loop.call_soon_threadsafe(*((sink.end, status) if is_ours else (self.writer.abandon, sink)))

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.create_task(self._serve())
        self.loop.run_forever()

    async def _serve(self) -> None:
        self.session = upstream.new_session()
        self.writer = Writer(settings.REDIS_URL)
        self.is_ready.set()
        await asyncio.gather(self.writer.run(), self._listen_for_cancels())

    async def _listen_for_cancels(self) -> None:
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, decode_responses=True, socket_timeout=None)
        while True:
            with contextlib.suppress(RedisError, OSError):
                async with client.pubsub() as channel:
                    await channel.subscribe(streams.CANCEL_CHANNEL)
                    async for message in channel.listen():
                        self._cancelled(str(message["data"]))
            await asyncio.sleep(RECONNECT_SECONDS)

    def _cancelled(self, generation_id: str) -> None:
        with contextlib.suppress(ValueError):
            if job := self.jobs.get(UUID(generation_id)):
                job.stop()

    def _beat(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            try:
                self._beat_once()
            except DatabaseError as error:
                log.warning("heartbeat_failed", error=type(error).__name__)
            finally:
                connection.close()

    def _beat_once(self) -> None:
        """Say that all jobs live, and learn which are to stop or are somebody else's. Two queries."""
        mine = {pk: job for pk, job in list(self.jobs.items()) if job.attempt}
        if not mine:
            return
        rows = Generation.objects.filter(pk__in=mine, status=GenerationStatus.RUNNING)
        rows.update(heartbeat_at=timezone.now())
        known = {pk: told for pk, *told in rows.values_list("pk", "attempt", "cancel_requested_at")}
        for pk, job in mine.items():
            attempt, wish = known.get(pk, (None, None))
            if attempt != job.attempt:
                self.loop.call_soon_threadsafe(lambda job=job: job.stop(lost=True))
            elif wish is not None:
                self.loop.call_soon_threadsafe(job.stop)


_engine: Engine | None = None
_engine_lock = threading.Lock()


def engine() -> Engine:
    """The process's engine, started by the first who asks."""
    global _engine  # noqa: PLW0603 - one a process, and only after the worker has forked
    with _engine_lock:
        if _engine is None:
            _engine = Engine()
    return _engine


def generate(generation_id: UUID) -> None:
    """Answer one generation; while its model loads, leave it queued for the probe to send again."""
    generation = Generation.objects.with_story().filter(pk=generation_id).first()
    if generation is None or generation.status != GenerationStatus.QUEUED:
        return
    if readiness.status_of(generation.release).is_loading:
        actions.hold(generation_id)
        return
    engine().generate(generation_id)


def _request(generation: Generation) -> Request:
    params, release = generation.params, generation.release
    body = {
        "model": params["model"],
        "messages": messages_for(generation),
        "temperature": params["temperature"],
        "max_tokens": params["max_tokens"],
    }
    return Request(readiness.backend_of(release), release.name, body)


def _save(generation: Generation, *, status: str, outcome: actions.Outcome) -> bool:
    """Write the end, and try for half a minute when the database is away. Whether it was still ours."""
    for attempt in range(SAVE_ATTEMPTS):
        try:
            return _END_WITH[GenerationStatus(status)](generation, outcome)
        except DatabaseError as error:
            log.warning("generation_not_saved", generation=str(generation.pk), error=type(error).__name__)
            connection.close()
            if attempt == SAVE_ATTEMPTS - 1:
                raise
            time.sleep(2**attempt)
    return False


def _give_back_connection() -> None:
    if not connection.in_atomic_block:
        connection.close()
