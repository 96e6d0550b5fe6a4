"""The inference worker's process: one event loop for all its streams, one heartbeat, one ear for stops."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

import redis.asyncio
import structlog
import uvloop
from django.conf import settings
from django.db import DatabaseError
from django.db.models import QuerySet
from django.utils import timezone
from redis.exceptions import RedisError

from playground import actions, queueing, readiness, streams, upstream
from playground.allowing import Allowance, Person
from playground.answering import Job, Request, answer
from playground.gateway.guarding import cache_salt
from playground.models import Generation, GenerationStatus
from playground.prompting import body_for, path_for
from playground.serving import backend_of
from playground.writing import Writer
from portal.access.deciding import decide
from portal.access.decision import Action, Gate
from portal.access.watching import LOOK_EVERY_SECONDS, Watch
from portal.common.prepared import prepared
from portal.common.threads import let_go
from portal.keys.actions import playground_key_id

log = structlog.get_logger(__name__)
T = TypeVar("T")

HEARTBEAT_SECONDS = 5
RECONNECT_SECONDS = 0.5
# Stop signs for answers that this process is just about to begin, or that another one writes.
EARLY_STOPS_KEPT = 1_000
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
        self.is_closing = False
        self._early_stops: deque[UUID] = deque(maxlen=EARLY_STOPS_KEPT)
        self.is_ready = threading.Event()
        for work in (self._run_loop, self._beat, self._watch):
            threading.Thread(target=work, name=f"playground{work.__name__}", daemon=True).start()
        self.is_ready.wait()

    def wait_for(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` on the loop; the calling thread sleeps meanwhile."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def work(self, backend_url: str) -> None:
        """Answer what waits for a model server, one after the other, as long as there is room for more."""
        generation = actions.begin_next(backend_url)
        while generation:
            job = Job(generation.pk, attempt=generation.attempt)
            self.jobs[generation.pk] = job
            try:
                # A stop sign may have come between the claim and the line above.
                if generation.pk in self._early_stops:
                    job.stop()
                self._answer(job, generation)
            finally:
                self.jobs.pop(generation.pk, None)
            # Whoever comes later has a message of their own.
            if self.is_closing or not queueing.has_waiting(backend_url):
                return
            generation = actions.begin_next(backend_url)

    def _answer(self, job: Job, generation: Generation) -> None:
        request = _request(generation)
        # Hundreds of threads wait here; none may keep a connection of the pool.
        let_go()
        sink = self.writer.open(generation.pk)
        status, outcome = self.wait_for(
            answer(job, request, sink=sink, session=self.session, allowance=self.allowance)
        )
        is_ours = not job.is_lost and _save(generation, status=status, outcome=outcome)
        # Through the same writer as the tokens, else the end would overtake the last of them.
        self.loop.call_soon_threadsafe(*((sink.end, status) if is_ours else (self.writer.abandon, sink)))
        if not is_ours and not Generation.objects.filter(pk=generation.pk).exists():
            # Its conversation was deleted meanwhile, and is to leave no trace.
            streams.forget([generation.pk])
        let_go()

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.create_task(self._serve())
        self.loop.run_forever()

    async def _serve(self) -> None:
        self.session = upstream.new_session()
        self.writer = Writer(settings.REDIS_URL)
        self.allowance = Allowance()
        self.is_ready.set()
        await asyncio.gather(self.writer.run(), self.allowance.run(), self._listen_for_cancels())

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
            pk = UUID(generation_id)
            if job := self.jobs.get(pk):
                job.stop()
            else:
                self._early_stops.append(pk)

    def _watch(self) -> None:
        """Stop what is being written for people whose access ended, within a second of its end."""
        watch = Watch()
        is_first = True
        while True:
            time.sleep(LOOK_EVERY_SECONDS)
            try:
                # The first look only learns where the ledger stands.
                if (is_first or self.jobs) and watch.has_changed():
                    self._ask_the_gates_again()
                is_first = False
            except DatabaseError as error:
                log.warning("access_not_watched", error=type(error).__name__)
            finally:
                let_go()

    def _ask_the_gates_again(self) -> None:
        """Ask once for each person, release and revision for whom something is being written."""
        jobs = dict(self.jobs)
        asked: dict[tuple[int, int, int | None], Gate | None] = {}
        for row in Generation.objects.filter(pk__in=jobs).with_story():
            user, revision = row.turn.conversation.user, row.revision
            key = (user.pk, row.release.pk, revision.pk if revision else None)
            if key not in asked:
                asked[key] = decide(user, row.release, Action.PLAYGROUND, revision=revision).next_gate
            if gate := asked[key]:
                failure = upstream.UpstreamFailure(gate.code, gate.sentence)
                self.loop.call_soon_threadsafe(jobs[row.pk].refuse, failure)

    def _beat(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            try:
                self._beat_once()
            except DatabaseError as error:
                log.warning("heartbeat_failed", error=type(error).__name__)
            finally:
                let_go()

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


def stop_taking() -> None:
    """Begin nothing new, since the worker was asked to stop; what is being written goes on to its end."""
    if _engine is not None:
        _engine.is_closing = True


def engine() -> Engine:
    """The process's engine, started by the first who asks."""
    global _engine  # noqa: PLW0603 - one a process, and only after the worker has forked
    with _engine_lock:
        if _engine is None:
            _engine = Engine()
    return _engine


def generate(generation_id: UUID) -> None:
    """Answer whose turn it is where this generation waits; while its model loads, leave it for the probe."""
    generation = _with_server.first(pk=generation_id)
    if generation is None:
        return
    # Also when somebody else took it up: then another of the line has lost its own wish to it.
    if readiness.status_of(generation.release, generation.revision).is_loading:
        actions.hold(generation_id)
        return
    engine().work(generation.server_url)


@prepared
def _with_server(*, pk: UUID) -> QuerySet[Generation]:
    return Generation.objects.with_server().filter(pk=pk)


def _request(generation: Generation) -> Request:
    release = generation.release
    # As in the gateway, nobody can time what somebody else asked.
    body = body_for(generation) | {"cache_salt": cache_salt(generation.turn.conversation.user_id)}
    return Request(
        backend=backend_of(release, generation.revision),
        release_name=release.name,
        path=path_for(generation.params),
        body=body,
        person=Person(
            generation.turn.conversation.user_id,
            playground_key_id(generation.turn.conversation.user),
            release,
        ),
        prefix=generation.prefix,
    )


def _save(generation: Generation, *, status: str, outcome: actions.Outcome) -> bool:
    """Write the end, and try for half a minute when the database is away. Whether it was still ours."""
    for attempt in range(SAVE_ATTEMPTS):
        try:
            return _END_WITH[GenerationStatus(status)](generation, outcome)
        except DatabaseError as error:
            log.warning("generation_not_saved", generation=str(generation.pk), error=type(error).__name__)
            let_go()
            if attempt == SAVE_ATTEMPTS - 1:
                raise
            time.sleep(2**attempt)
    return False
