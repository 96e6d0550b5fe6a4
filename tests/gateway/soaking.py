"""A mixed load on a running gateway for as long as one likes, and what is left of it afterwards.

Run as `python -m tests.gateway.soaking [--seconds 600] [--clients 100]`, with DATABASE_URL (a throw-away
database with the portal's tables) and REDIS_URL, for hours of load in minutes; the tests run it for seconds.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import aiohttp
import django
import psutil

if TYPE_CHECKING:
    from subprocess import Popen

MIB = 1024 * 1024
# Below the gateway's limit of a body by default, and above it.
BODY_BYTES, OVERSIZE_BYTES = 64 * 1024, 11 * MIB
SLOW_READ_SECONDS = 0.02
DRAIN_SECONDS = 60
UNLIMITED = {"GATEWAY_REQUESTS_PER_MINUTE": 10_000_000, "GATEWAY_CONCURRENT_REQUESTS": 10_000}


@dataclass
class Told:
    """What clients were told: how often each answer came, and the tokens of the answers that told them."""

    statuses: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    hung_up: int = 0


@dataclass(frozen=True)
class Weight:
    """What a process weighs."""

    memory_bytes: int
    descriptors: int


class Load:
    """Clients of every kind against the gateway at `url`, until `seconds` are over."""

    def __init__(self, url: str, keys: list[str], *, model: str, revoked: str) -> None:
        self.told = Told()
        self._url = f"{url}/v1/chat/completions"
        self._keys = keys
        self._model = model
        self._revoked = revoked
        self._kinds = (
            (8, self._plain),
            (6, self._streamed),
            (4, self._hang_up),
            (1, self._read_slowly),
            (1, self._send_too_much),
            (2, self._send_nonsense),
            (2, self._meet_a_failure),
            (2, self._use_a_revoked_key),
        )

    async def run(self, *, clients: int, seconds: float) -> None:
        """Load it."""
        until = time.monotonic() + seconds
        timeout = aiohttp.ClientTimeout(total=60)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as self._session:
            await asyncio.gather(*(self._client(number, until) for number in range(clients)))

    async def _client(self, number: int, until: float) -> None:
        dice = random.Random(number)
        weights, kinds = [weight for weight, _ in self._kinds], [kind for _, kind in self._kinds]
        while time.monotonic() < until:
            [kind] = dice.choices(kinds, weights)
            try:
                await kind(dice)
            except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
                self.told.statuses[type(error).__name__] += 1

    def _ask(self, dice: random.Random, wish: str, *, key: str = "", **fields: object) -> Any:
        body = {"model": self._model, "messages": [{"role": "user", "content": wish}], "max_tokens": 300}
        bearer = {"Authorization": f"Bearer {key or dice.choice(self._keys)}"}
        return self._session.post(self._url, json=body | fields, headers=bearer)

    async def _plain(self, dice: random.Random) -> None:
        async with self._ask(dice, f"words={dice.randint(1, 200)} first={dice.random() / 20}") as answer:
            told = await answer.json()
            self._note(answer.status, told.get("usage"))

    async def _streamed(self, dice: random.Random) -> None:
        wish = f"words={dice.randint(1, 60)} pause=0.002"
        wants_usage = {"stream_options": {"include_usage": True}}
        async with self._ask(dice, wish, stream=True, **wants_usage) as answer:
            usage = None
            async for line in answer.content:
                if line.startswith(b"data: {") and b'"choices": []' in line:
                    usage = json.loads(line[6:])["usage"]
            self._note(answer.status, usage)

    async def _hang_up(self, dice: random.Random) -> None:
        async with self._ask(dice, "words=250 pause=0.01", stream=True) as answer:
            for _ in range(dice.randint(0, 20)):
                await answer.content.readany()
            self.told.hung_up += answer.status == 200
            answer.close()

    async def _read_slowly(self, dice: random.Random) -> None:
        async with self._ask(dice, "words=100", stream=True) as answer:
            async for _ in answer.content.iter_chunked(2048):
                await asyncio.sleep(SLOW_READ_SECONDS)
            self.told.statuses[f"slow {answer.status}"] += 1

    async def _send_too_much(self, dice: random.Random) -> None:
        async with self._ask(dice, "x" * OVERSIZE_BYTES) as answer:
            self.told.statuses[str(answer.status)] += 1

    async def _send_nonsense(self, dice: random.Random) -> None:
        async with self._ask(dice, "x" * dice.randint(1, BODY_BYTES), n="many") as answer:
            self.told.statuses[str(answer.status)] += 1

    async def _meet_a_failure(self, dice: random.Random) -> None:
        wish = dice.choice(["words=20 die=3", "status=500", "status=400"])
        async with self._ask(dice, wish, stream=True) as answer:
            await answer.read()
            self.told.statuses[f"failing {answer.status}"] += 1

    async def _use_a_revoked_key(self, dice: random.Random) -> None:
        async with self._ask(dice, "words=5", key=self._revoked) as answer:
            self.told.statuses[str(answer.status)] += 1

    def _note(self, status: int, usage: dict[str, int] | None) -> None:
        self.told.statuses[str(status)] += 1
        if usage:
            self.told.prompt_tokens += usage["prompt_tokens"]
            self.told.completion_tokens += usage["completion_tokens"]


def weigh(pid: int) -> Weight:
    """What the process weighs now."""
    process = psutil.Process(pid)
    return Weight(process.memory_info().rss, process.num_fds())


def drained(counters: Callable[[], dict[str, int]]) -> dict[str, int]:
    """The model server's counters once nothing runs there any more."""
    until = time.monotonic() + DRAIN_SECONDS
    while (told := counters())["running"]:
        if time.monotonic() > until:
            raise TimeoutError(f"{told['running']} requests still run.")
        time.sleep(0.05)
    return told


def soak(
    load: Load, *, pid: int, counters: Callable[[], dict[str, int]], clients: int, seconds: float
) -> tuple[Weight, Weight]:
    """Load the gateway for a fifth of the time to warm it up, then for `seconds`; its weight after each."""
    weights = []
    for part in (seconds / 5, seconds):
        asyncio.run(load.run(clients=clients, seconds=part))
        drained(counters)
        # Idle connections of the clients are closed on both sides.
        time.sleep(1)
        weights.append(weigh(pid))
    return weights[0], weights[1]


def main() -> None:
    """Soak a portal of one's own, and print what is left of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=100)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    from tests.gateway import processes  # noqa: PLC0415 - needs the settings

    started: list[Popen[bytes]] = []
    with processes.upstream() as model_url, processes.portal(started=started, **UNLIMITED) as url:
        keys, revoked, name = _people(model_url)
        load = Load(url, keys, model=name, revoked=revoked)

        def counters() -> dict[str, int]:
            with urlopen(f"{model_url}/counters", timeout=10) as told:
                return dict(json.load(told))

        before, after = soak(
            load, pid=started[0].pid, counters=counters, clients=options.clients, seconds=options.seconds
        )
        told = drained(counters)
    used = _used(name)
    for line in (
        f"answers: {dict(load.told.statuses)}; hung up: {load.told.hung_up}",
        f"memory: {before.memory_bytes / MIB:.0f} MiB, then {after.memory_bytes / MIB:.0f} MiB",
        f"descriptors: {before.descriptors}, then {after.descriptors}",
        f"the model server counted {told}",
        f"the portal's usage has   {used}",
    ):
        sys.stdout.write(line + "\n")


def _people(model_url: str) -> tuple[list[str], str, str]:
    from portal.keys import actions  # noqa: PLC0415 - needs the settings
    from portal.keys.models import Scope  # noqa: PLC0415
    from tests import cast  # noqa: PLC0415

    name = f"soak-{time.time_ns()}"
    release = cast.release(name)
    release.served_model_name, release.backend_url = "", model_url
    release.save()
    programme = cast.programme(release, slug=name)
    made = []
    for number in range(11):
        person = cast.person(f"{name}-{number}@example.org")
        cast.application(person, programme, "approved")
        cast.accept(person, release)
        made.append(actions.create(person, name=name, scopes=[Scope.INFERENCE], by=person))
    actions.revoke(made[-1].key, by=None)
    return [one.token for one in made[:-1]], made[-1].token, name


def _used(slug: str) -> Any:
    from portal.keys import reports, usage  # noqa: PLC0415 - needs the settings
    from portal.keys.models import DailyUsage  # noqa: PLC0415

    usage.record_new()
    used = DailyUsage.objects.filter(release__slug=slug)
    return reports.total(line.amount for line in reports.lines(used, "release"))


if __name__ == "__main__":
    main()
