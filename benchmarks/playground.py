"""What the playground adds to a model server: time to the first token, delay of each, memory, streams lost.

    .venv/bin/python -m benchmarks.playground [--streams 1 32 200] [--tokens 100] [--pause 0.1] [--rounds 3]

Needs DATABASE_URL: a throw-away database with the portal's tables. Starts its own Valkey, web server,
inference worker and a model server whose tokens are the times at which they were said. In one run each
number of answers at once is asked straight of the model server and through the whole path (POST, Celery,
model server, Valkey, SSE); a line for both, and one for what the path adds. Delays are from a token's
being said to its being read; an answer that ended before its stream was opened counts as lost. On a
shared machine only the comparison is worth something. Fails nothing.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import aiohttp
import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402

from playground.actions import MAXIMUM_LIVE_A_PERSON  # noqa: E402
from tests import cast  # noqa: E402
from tests.playground.stack import Stack  # noqa: E402

TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
CSRF = "b" * 32
# Sent one after the other, so that the tokens' delay is measured and not the forms' queue.
SEND_EVERY_SECONDS = 0.05


@dataclass
class Measured:
    """What was seen on one path."""

    first_token_seconds: list[float] = field(default_factory=list)
    delay_seconds: list[float] = field(default_factory=list)
    tokens: int = 0
    lost: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.tokens / self.seconds if self.seconds else 0.0

    def take(self, text: str, *, now: float) -> None:
        """Count the stamps in one piece of an answer."""
        for stamp in text.split():
            self.delay_seconds.append(now - float(stamp))
            self.tokens += 1


async def directly(
    session: aiohttp.ClientSession, url: str, prompt: str, seen: Measured, tokens: int
) -> None:
    """One answer straight from the model server."""
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": tokens,
        "stream": True,
    }
    start, before = time.time(), seen.tokens
    got = 0
    async with session.post(f"{url}/v1/chat/completions", json=body) as answer:
        async for line in answer.content:
            if not line.startswith(b"data: {"):
                continue
            text = json.loads(line[6:])["choices"][0]["delta"].get("content", "")
            if text and not got:
                seen.first_token_seconds.append(time.time() - start)
            got += len(text.split())
            seen.take(text, now=time.time())
    seen.lost += got != tokens
    assert seen.tokens > before


async def through(
    session: aiohttp.ClientSession, visitor: "Person", prompt: str, seen: Measured, tokens: int
) -> None:
    """One answer by the playground's form and its live stream."""
    start = time.time()
    form = visitor.form | {"prompt": prompt, "max_tokens": str(tokens), "token": str(uuid4())}
    headers = visitor.headers | {"X-CSRFToken": CSRF, "HX-Request": "true"}
    async with session.post(f"{visitor.url}/playground/send/", data=form, headers=headers) as answer:
        page = await answer.text()
    path, ticket = (page.partition(f'data-{name}="')[2].partition('"')[0] for name in ("stream", "ticket"))
    got = 0
    async with session.get(visitor.url + path, params={"ticket": ticket}, headers=visitor.headers) as answer:
        async for event, text in events(answer):
            if event == "end":
                break
            if event == "token":
                if not got:
                    seen.first_token_seconds.append(time.time() - start)
                got += len(text.split())
                seen.take(text, now=time.time())
    seen.lost += got != tokens


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, str]]:
    """The name and text of each server-sent event."""
    name = ""
    async for line in answer.content:
        if line.startswith(b"event: "):
            name = line[7:].strip().decode()
        elif line.startswith(b"data: "):
            yield name, json.loads(line[6:]).get("text", "")


@dataclass
class Person:
    """Somebody signed in."""

    url: str
    headers: dict[str, str]
    form: dict[str, str]


def people(count: int, url: str) -> list[Person]:
    """Enough approved developers that each has his share of streams."""
    release = cast.release(f"bench-{uuid4().hex[:8]}")
    made = []
    for number in range(count):
        client = Client()
        user = cast.developer(f"bench-{uuid4().hex[:8]}-{number}@example.org", release)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        cookies = f"{settings.SESSION_COOKIE_NAME}={session}; csrftoken={CSRF}"
        made.append(Person(url, {"Cookie": cookies}, {"release": release.slug, "temperature": "0"}))
    return made


async def crowd(count: int, options: argparse.Namespace, stack: Stack, persons: list[Person]) -> None:
    """Measure `count` answers at once on both paths, several times, and print what was seen."""
    prompt = f"words={options.tokens} pause={options.pause} stamps=1"
    measured = {"direct": Measured(), "portal": Measured()}
    used, grown_kb = 0.0, 0.0
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        for _ in range(options.rounds):
            for name, seen in measured.items():
                before, memory = cpu_seconds(stack), memory_kb(stack)
                start, jobs = time.time(), []
                for number in range(count):
                    person = persons[number % len(persons)]
                    job = (
                        directly(session, stack.upstream_url, prompt, seen, options.tokens)
                        if name == "direct"
                        else through(session, person, prompt, seen, options.tokens)
                    )
                    jobs.append(asyncio.create_task(job))
                    await asyncio.sleep(SEND_EVERY_SECONDS)
                if name == "portal":
                    grown_kb = max(grown_kb, (memory_kb(stack) - memory) / count)
                await asyncio.gather(*jobs)
                seen.seconds += time.time() - start
                used += cpu_seconds(stack) - before if name == "portal" else 0
    portal = measured["portal"]
    show("direct", count, measured["direct"])
    show("portal", count, portal, cpu_us=used / max(1, portal.tokens) * 1e6, stream_kb=grown_kb)
    show_added(count, measured["direct"], portal)


async def warm_up(persons: list[Person]) -> None:
    """Have each process do everything once, unseen."""
    async with aiohttp.ClientSession() as session:
        for person in persons[:8]:
            await through(session, person, "words=2 pause=0 stamps=1", Measured(), 2)


def show(name: str, count: int, seen: Measured, *, cpu_us: float = 0, stream_kb: float = 0) -> None:
    """Print one line."""
    first, delay = cuts(seen.first_token_seconds), cuts(seen.delay_seconds)
    print(row(name, count, seen.lost, seen.rate, told(first), told(delay), cpu_us, stream_kb), flush=True)


def show_added(count: int, direct: Measured, portal: Measured) -> None:
    """Print what the path adds to the model server alone."""
    first = [
        b - a for a, b in zip(cuts(direct.first_token_seconds), cuts(portal.first_token_seconds), strict=True)
    ]
    delay = [b - a for a, b in zip(cuts(direct.delay_seconds), cuts(portal.delay_seconds), strict=True)]
    ratio = portal.rate / direct.rate
    print(f"{'added':>7} {count:>7} {'':>5} {ratio:>8.2f}x {told(first):>16} {told(delay):>16}\n", flush=True)


def row(*fields: object) -> str:
    """One line of the table."""
    name, count, lost, rate, first, delay, cpu, memory = fields
    numbers = f"{rate:>9.0f}" if isinstance(rate, float) else f"{rate:>9}"
    ends = "".join(f" {one:>9.0f}" if isinstance(one, float) else f" {one:>9}" for one in (cpu, memory))
    return f"{name:>7} {count:>7} {lost:>5} {numbers} {first:>16} {delay:>16}{ends}"


def cuts(seconds: list[float]) -> list[float]:
    """p50, p95 and p99 in milliseconds."""
    if len(seconds) < 2:
        return [seconds[0] * 1000] * 3 if seconds else [0.0] * 3
    found = statistics.quantiles(seconds, n=100, method="inclusive")
    return [found[49] * 1000, found[94] * 1000, found[98] * 1000]


def told(milliseconds: list[float]) -> str:
    """Three numbers of a column."""
    return "/".join(f"{one:.0f}" for one in milliseconds)


def cpu_seconds(stack: Stack) -> float:
    """Processor time that web and worker have used."""
    used = 0.0
    for name in ("web", "worker"):
        fields = open(f"/proc/{stack.processes[name].pid}/stat").read().rpartition(")")[2].split()  # noqa: PTH123, SIM115
        used += (int(fields[11]) + int(fields[12])) * TICK_SECONDS
    return used


def memory_kb(stack: Stack) -> float:
    """What web and worker hold in memory."""
    held = 0
    for name in ("web", "worker"):
        status = Path(f"/proc/{stack.processes[name].pid}/status").read_text()
        held += int(status.partition("VmRSS:")[2].split()[0])
    return float(held)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 32, 200])
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    stack = Stack(worker_threads=max(options.streams) + 8)
    stack.env["PLAYGROUND_RUNNING_MAX"] = str(max(options.streams) + 8)
    persons = people(-(-max(options.streams) // MAXIMUM_LIVE_A_PERSON), f"http://127.0.0.1:{stack.web_port}")
    try:
        stack.start()
        first, delay = "first p50/95/99", "delay p50/95/99"
        print(row("path", "streams", "lost", "tokens/s", first, delay, "µs/token", "KB/stream"))
        asyncio.run(warm_up(persons))
        for count in options.streams:
            asyncio.run(crowd(count, options, stack, persons))
    finally:
        stack.stop()


if __name__ == "__main__":
    main()
