"""A thousand clients against one budget while gateways are killed: nothing overspent, nothing held."""

import asyncio
import random
import threading
import time
from contextlib import ExitStack
from typing import Self

import aiohttp
import httpx2 as httpx
import pytest
import redis
from django.conf import settings

from playground.gateway import limit_scripts
from portal.keys.models import Limit
from tests.gateway import processes
from tests.gateway.conftest import eventually
from tests.gateway.soaking import UNLIMITED, drained
from tests.gateway.standing import limit_state

pytestmark = [pytest.mark.live, pytest.mark.alone]
CLIENTS, SECONDS, GATEWAYS, KILLS = 1000, 12, 2, 3
BUDGET_TOKENS = 60_000
WORDS = 40


class Gateways:
    """Several gateways on one database and Valkey, of which one is killed now and then."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self._processes: list = []
        self._all = ExitStack()
        self._dice = random.Random(4)

    def __enter__(self) -> Self:
        for _ in range(GATEWAYS):
            self._start()
        return self

    def __exit__(self, *error: object) -> None:
        self._all.close()

    def kill_one(self) -> None:
        """Kill one as the kernel would for memory, and start another in its place."""
        number = self._dice.randrange(GATEWAYS)
        self.urls.pop(number)
        self._processes.pop(number).kill()
        self._start()

    def _start(self) -> None:
        started: list = []
        self.urls.append(self._all.enter_context(processes.portal(started=started, **UNLIMITED)))
        self._processes += started


async def crowd(gateways: Gateways, key: str) -> dict[str, int]:
    """A thousand clients, each with one request after the other; how often each answer came."""
    told: dict[str, int] = {}
    until = time.monotonic() + SECONDS
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def client(number: int) -> None:
            dice = random.Random(number)
            while time.monotonic() < until:
                kind = dice.choice(["plain", "plain", "stream", "hang up", "cancel", "greedy"])
                try:
                    said = await one(session, f"{dice.choice(gateways.urls)}/v1/completions", key, kind, dice)
                except (aiohttp.ClientError, TimeoutError, IndexError) as error:
                    said = type(error).__name__
                told[said] = told.get(said, 0) + 1
                await asyncio.sleep(dice.random())

        await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return told


async def one(session: aiohttp.ClientSession, url: str, key: str, kind: str, dice: random.Random) -> str:
    """One request of a kind; its answer."""
    body = {"model": "tiny", "prompt": f"words={WORDS} pause=0.002", "max_tokens": WORDS}
    body |= {"stream": kind in ("stream", "hang up")}
    if kind == "greedy":
        body["n"] = 16
    asked = session.post(url, json=body, headers={"Authorization": f"Bearer {key}"})
    if kind == "cancel":
        try:
            async with asyncio.timeout(dice.random() / 50), asked:
                return "early"
        except TimeoutError:
            return "cancelled"
    async with asked as answer:
        if kind == "hang up":
            await answer.content.readany()
            answer.close()
            return f"hung up {answer.status}"
        await answer.read()
        return f"{kind} {answer.status}"


def settled(valkey: redis.Redis, url: str, user_id: int, key: str) -> dict[str, float]:
    """How the person's limit stands once everything is settled that ended or died."""
    name, headers = f"user:{user_id}", {"Authorization": f"Bearer {key}"}
    body = {"model": "tiny", "prompt": "words=1", "max_tokens": 1}

    def is_settled() -> bool:
        for request_id in valkey.hkeys(limit_scripts.RESERVATIONS):
            # As if the lease's half a minute had passed; whoever asks next writes some of them off.
            valkey.zadd(limit_scripts.LEASES, {request_id: 1})
        httpx.post(f"{url}/v1/completions", json=body, headers=headers)
        return limit_state(valkey, name)["reserved"] == 0

    eventually(is_settled, within_seconds=10)
    return limit_state(valkey, name)


def test_a_thousand_clients_and_killed_gateways_overspend_nothing(ada, release, key, upstream_url):
    Limit.objects.create(user=ada, tokens_per_day=BUDGET_TOKENS)

    def counters():
        return httpx.get(f"{upstream_url}/counters").json()

    before = counters()
    told: dict[str, int] = {}
    with Gateways() as gateways, redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as valkey:
        crowding = threading.Thread(target=lambda: told.update(asyncio.run(crowd(gateways, key.token))))
        crowding.start()
        for _ in range(KILLS):
            time.sleep(1.5)
            gateways.kill_one()
        crowding.join()
        engine = drained(counters)
        state = settled(valkey, gateways.urls[0], ada.pk, key.token)

    spent = sum(engine[name] - before[name] for name in ("prompt_tokens", "generation_tokens"))
    assert {"plain 429", "cancelled"} <= set(told), told
    assert {"plain 200", "stream 200", "hung up 200"} & set(told), told
    assert not {"plain 500", "stream 500", "greedy 500"} & set(told), told
    # The engine did no more than was settled, and that is no more than was allowed.
    assert 0 < spent <= state["day_used"] <= BUDGET_TOKENS
    assert state["running"] == 0
