"""What a request may use: its worst case is reserved in one round trip to Valkey, and settled at its end."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from django.conf import settings

from playground.gateway import errors, limit_scripts, refusing, reserving
from playground.gateway.admission import Route
from playground.gateway.limit_scripts import RENEW, RESERVE, SEED, SETTLE
from playground.gateway.valkey import Command, Valkey, ValkeyAway
from playground.serving import Backend
from portal.common.remembering import Remembered
from portal.common.threads import let_go_after
from portal.keys import applying, usage
from portal.keys.applying import LimitInForce, Sums
from portal.keys.models import ApiKey
from portal.releases.models import Release

RENEW_SECONDS = 10
# How soon what could not be told to Valkey is tried again.
AGAIN_SECONDS = 0.25
BATCH_MAX = 500
# Settlements that wait while Valkey is away; beyond it the oldest are lost, and written off by their lease.
WAITING_MAX = 100_000
SEEDING_ATTEMPTS = 3
# Bodies of one key that a process reads at a time; against clients that open many and send slowly.
BODIES_MAX = 128
THREADS = 2

RESERVE_SHA, SEED_SHA, SETTLE_SHA, RENEW_SHA = (
    limit_scripts.name_of(script) for script in (RESERVE, SEED, SETTLE, RENEW)
)
Headers = list[tuple[bytes, bytes]]
# Whose limits: a key (None in the playground), its owner, and the release that is asked for, None where
# none is; and where that is served: address, key, name, and the context's length as staff wrote it down.
Question = tuple[int | None, int, int | None, tuple[str, str, str, int | None]]

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Reservation:
    """The tokens that are held for one request, and the run of Valkey under which they are."""

    request_id: str
    tokens: int
    record: str
    run: bytes


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits that hold for a request, what the scripts take of them, and the model's context length."""

    limits: tuple[LimitInForce, ...]
    names: str
    arguments: tuple[str | int, ...]
    context_tokens: int = 0


class Limits:
    """Reserves, settles, and keeps reservations alive. Belongs to one event loop."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="limits")
        self._terms: Remembered[Question, Terms] = Remembered(_find_terms, threads=self._threads)
        self._held: set[Reservation] = set()
        self._settled: deque[Command] = deque(maxlen=WAITING_MAX)
        self._is_sending = False
        self._reading: dict[int, int] = {}
        self._seeding: dict[str, asyncio.Task[None]] = {}
        # Valkey was away, and may have lost what this process holds.
        self._is_shaken = False

    async def terms(self, key: ApiKey, route: Route | None = None) -> Terms:
        """Which limits hold for a request with `key`, at most a second old."""
        if route is None:
            return await self._terms.get((key.pk, key.user_id, None, ("", "", "", None)))
        release = route.release
        served = (route.base_url, route.api_key, route.served_model_name, release.context_length)
        return await self._terms.get((key.pk, key.user_id, release.pk, served))

    async def terms_of_person(self, user_id: int, release: Release, backend: Backend) -> Terms:
        """Which limits hold for a person's playground, where there is no key; at most a second old."""
        model = release.served_model_name or release.slug
        served = (backend.base_url, backend.api_key, model, release.context_length)
        return await self._terms.get((None, user_id, release.pk, served))

    async def reserve(self, terms: Terms, *, request_id: str, tokens: int) -> tuple[Reservation, Headers]:
        """Hold `tokens` for a request under every limit of `terms`; return the x-ratelimit headers too.

        All or nothing, in one round trip. Raises ApiError 429 that names the limit in the way,
        and 503 when Valkey is away and the settings say so: a limit that can be switched off
        by an outage is none.
        """
        reservation = Reservation(request_id, tokens, f"{tokens} {terms.names}", b"")
        command = ("EVALSHA", RESERVE_SHA, 0, request_id, tokens, terms.names, *terms.arguments)
        try:
            reply = await self._ask(command, terms)
        except ValkeyAway as error:
            self._is_shaken = True
            if settings.GATEWAY_WHEN_VALKEY_IS_AWAY == "allow":
                self._held.add(reservation)
                return reservation, []
            # It may have been held all the same, just before the reply was lost.
            self.settle(reservation, 0)
            sentence = "The portal cannot check its limits at present. Try again in a moment."
            raise errors.away("limits_unavailable", sentence, retry_after_seconds=2) from error
        except asyncio.CancelledError:
            self.settle(reservation, 0)
            raise
        if verdict := reply[0]:
            raise refusing.too_many(terms.limits[reply[8]], verdict, reply=reply, tokens=tokens)
        reservation.run = reply[7]
        self._held.add(reservation)
        return reservation, refusing.headers(reply)

    @contextmanager
    def reading(self, key: ApiKey) -> Iterator[None]:
        """Count a request whose body is on its way, since only then its limits are known.

        Raises ApiError 429 when too many bodies of one key are on their way to this process.
        """
        count = self._reading.get(key.pk, 0)
        if count >= BODIES_MAX:
            raise refusing.too_many_bodies()
        self._reading[key.pk] = count + 1
        try:
            yield
        finally:
            if self._reading[key.pk] == 1:
                del self._reading[key.pk]
            else:
                self._reading[key.pk] -= 1

    def settle(self, reservation: Reservation, used_tokens: int | None) -> None:
        """Count what a request used, None for all that was held; at once, and without waiting for it."""
        self._held.discard(reservation)
        used = -1 if used_tokens is None else used_tokens
        if used > reservation.tokens:
            held, request_id = reservation.tokens, reservation.request_id
            log.warning("gateway_worst_case_too_low", request_id=request_id, held=held, used=used)
        self._settled.append(
            ("EVALSHA", SETTLE_SHA, 0, reservation.request_id, used, reservation.run, reservation.record)
        )
        if not self._is_sending:
            self._is_sending = True
            asyncio.get_running_loop().call_soon(self._begin_sending)

    async def flush(self) -> None:
        """Write the settlements that wait. Raises ValkeyAway, and what is not written stays.

        One that was written although its reply was lost is no-op the second time.
        """
        while self._settled:
            batch = [self._settled.popleft() for _ in range(min(BATCH_MAX, len(self._settled)))]
            try:
                await self._valkey.call_all(batch)
            except BaseException:
                self._settled.extendleft(reversed(batch))
                raise

    async def keep_renewing(self) -> None:
        """Keep the reservations of requests that take long, for as long as this process lives."""
        waited = 0.0
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            waited += AGAIN_SECONDS
            try:
                if waited >= RENEW_SECONDS or self._is_shaken or not self._valkey.is_connected:
                    await self._renew()
                    waited = 0.0
                await self.flush()
            except ValkeyAway:
                self._is_shaken = True

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, command: Command, terms: Terms) -> list[Any]:
        """The verdict, budgets compared with the database first if Valkey does not know them."""
        for _ in range(SEEDING_ATTEMPTS):
            if self._is_shaken or not self._valkey.is_connected:
                await self._renew()
            reply: list[Any] = await self._valkey.call(*command)
            if reply[0] >= 0:
                return reply
            await asyncio.gather(*(self._seed(terms.limits[index]) for index in reply[1:]))
        raise ValkeyAway("Valkey forgets the budgets as fast as they are told.")

    async def _seed(self, limit: LimitInForce) -> None:
        """Tell Valkey what the database knows of a limit; asked for by many, done once."""
        task = self._seeding.get(limit.name)
        if task is None:
            task = self._seeding[limit.name] = asyncio.create_task(self._seed_one(limit))
            task.add_done_callback(partial(self._seeded, limit.name))
        await asyncio.shield(task)

    async def _seed_one(self, limit: LimitInForce) -> None:
        sums = await asyncio.get_running_loop().run_in_executor(
            self._threads, let_go_after, _known_sums, limit.name
        )
        await self._valkey.call(
            "EVALSHA", SEED_SHA, 0, limit.name, limit.limit_id, sums.day, sums.day_tokens, sums.total_tokens
        )

    def _seeded(self, name: str, task: "asyncio.Task[None]") -> None:
        del self._seeding[name]
        if not task.cancelled():
            # Looked at, since all who waited for it may have left.
            task.exception()

    async def _renew(self) -> None:
        self._is_shaken = False
        held = list(self._held)
        for start in range(0, len(held), BATCH_MAX):
            batch = held[start : start + BATCH_MAX]
            told = [part for one in batch for part in (one.request_id, one.run, one.record)]
            run = await self._valkey.call("EVALSHA", RENEW_SHA, 0, *told)
            for one in batch:
                one.run = run

    def _begin_sending(self) -> None:
        task = asyncio.ensure_future(self.flush())
        task.add_done_callback(self._sent)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self._is_sending = False
        # What is left is sent again by keep_renewing.
        if not task.cancelled() and task.exception() is not None:
            self._is_shaken = True


def terms_of(limits: Iterable[LimitInForce], *, context_tokens: int = 0) -> Terms:
    """What the scripts take of `limits`."""
    given = tuple(limits)
    numbers = [[-1 if number is None else number for number in limit.numbers()] for limit in given]
    names = "".join(
        f"{limit.name},{per_minute},{limit.limit_id},{int(limit.has_budget)};"
        for limit, (_, _, per_minute, _, _) in zip(given, numbers, strict=True)
    )
    arguments: list[str | int] = []
    for limit, its in zip(given, numbers, strict=True):
        arguments += [limit.name, limit.limit_id, *its]
    return Terms(given, names, tuple(arguments), context_tokens)


def _find_terms(question: Question) -> Terms:
    key_id, user_id, release_id, (base_url, api_key, model, length) = question
    limits = applying.in_force(key_id=key_id, user_id=user_id, release_id=release_id)
    if release_id is None:
        return terms_of(limits)
    context_tokens = reserving.context_tokens(base_url, api_key=api_key, model=model, otherwise=length)
    return terms_of(limits, context_tokens=context_tokens)


def _known_sums(name: str) -> Sums:
    # First of all what is still on its way to the database.
    usage.record_new()
    return applying.sums_of(name)
