"""What the playground adds to a model server: time to the first token, delay of each, streams lost.

    .venv/bin/python -m benchmarks.playground_streams [--streams 2 32 200] [--tokens 100] [--pause 0.1]

Needs DATABASE_URL: a throw-away database with the portal's tables. Starts its own Valkey, web server,
inference worker and a model server whose tokens are the times at which they were said. Every path is
measured in the same run; on a shared machine only the comparison is worth something. Fails nothing.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
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
    path = page.partition('data-stream="')[2].partition('"')[0]
    got = 0
    async with session.get(visitor.url + path, headers=visitor.headers) as answer:
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
    """Measure `count` answers at once on both paths and print a line for each."""
    prompt = f"words={options.tokens} pause={options.pause} stamps=1"
    url = stack.upstream_url
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        for name in ("direct", "portal"):
            seen, jobs = Measured(), []
            before = cpu_seconds(stack)
            start = time.time()
            for number in range(count):
                person = persons[number % len(persons)]
                job = (
                    directly(session, url, prompt, seen, options.tokens)
                    if name == "direct"
                    else through(session, person, prompt, seen, options.tokens)
                )
                jobs.append(asyncio.create_task(job))
                await asyncio.sleep(SEND_EVERY_SECONDS)
            await asyncio.gather(*jobs)
            used = cpu_seconds(stack) - before
            show(name, count, seen, seconds=time.time() - start, used=used)


def show(name: str, count: int, seen: Measured, *, seconds: float, used: float) -> None:
    """Print one line."""
    print(
        f"{name:>7} {count:>8} {seen.lost:>5} {seen.tokens / seconds:>9.0f}"
        f" {middle(seen.first_token_seconds):>9} {middle(seen.delay_seconds):>13}"
        f" {used / seen.tokens * 1e6 if name == 'portal' else 0:>9.0f}",
        flush=True,
    )


def middle(seconds: list[float]) -> str:
    """p50/p95 in milliseconds."""
    if len(seconds) < 2:
        return "-"
    cuts = statistics.quantiles(seconds, n=20)
    return f"{cuts[9] * 1000:.0f}/{cuts[18] * 1000:.0f}"


def cpu_seconds(stack: Stack) -> float:
    """Processor time that web and worker have used."""
    used = 0.0
    for name in ("web", "worker"):
        fields = open(f"/proc/{stack.processes[name].pid}/stat").read().rpartition(")")[2].split()  # noqa: PTH123, SIM115
        used += (int(fields[11]) + int(fields[12])) * TICK_SECONDS
    return used


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, nargs="+", default=[2, 32, 200])
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.1)
    options = parser.parse_args()
    stack = Stack(worker_threads=max(options.streams) + 8)
    persons = people(-(-max(options.streams) // MAXIMUM_LIVE_A_PERSON), f"http://127.0.0.1:{stack.web_port}")
    try:
        stack.start()
        names = ("path", "streams", "lost", "tokens/s", "ttft ms", "delay ms", "µs/token")
        print("{:>7} {:>8} {:>5} {:>9} {:>9} {:>13} {:>9}".format(*names))
        for count in (1, *options.streams):
            asyncio.run(crowd(count, options, stack, persons))
    finally:
        stack.stop()


if __name__ == "__main__":
    main()
