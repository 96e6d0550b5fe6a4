"""The load that a benchmark of the gateway makes: a thin client, alone, in turns and in crowds."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httptools

# A crawling stream lasts six seconds.
WARM_SECONDS, WINDOW_SECONDS = 1.0, 4.0
BODY = (
    b'{"model":"benchmark","messages":[{"role":"system","content":"You are brief."},'
    b'{"role":"user","content":"Say something of middling length, please."}],"max_tokens":64%b}'
)


@dataclass
class Target:
    """What is measured: its address, its key, and the process whose processor time counts (0 for none)."""

    name: str
    url: str
    key: str
    pid: int = 0


class Call(asyncio.Protocol):
    """One keep-alive connection of the load generator, as thin as can be."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.events = 0
        self.first_at = 0.0
        self.done: asyncio.Future[int] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        # A kept connection's parser answers for one message after the other.
        self.events, self.first_at = 0, 0.0

    def on_body(self, body: bytes) -> None:
        self.first_at = self.first_at or time.perf_counter()
        self.events += body.count(b"data: {")

    def on_message_complete(self) -> None:
        if self.done is not None and not self.done.done():
            self.done.set_result(self.parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        if self.done is not None and not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed"))

    async def ask(self, request: bytes) -> tuple[float, float]:
        """Milliseconds to the first byte of the body, and to the end."""
        self.done = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        self.transport.write(request)
        status = await self.done
        if status != 200:
            raise RuntimeError(f"The answer was {status}.")
        return (self.first_at - began) * 1000, (time.perf_counter() - began) * 1000


def request_to(target: Target, *, stream: bool) -> bytes:
    body = BODY % (b',"stream":true' if stream else b"")
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {urlsplit(target.url).netloc}\r\n"
        f"Authorization: Bearer {target.key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def connect(target: Target) -> Call:
    host, _, port = urlsplit(target.url).netloc.partition(":")
    _, call = await asyncio.get_running_loop().create_connection(Call, host, int(port))
    return call


async def one_by_one(target: Target, count: int, *, stream: bool) -> list[tuple[float, float]]:
    """The latency when nothing else happens."""
    call, request = await connect(target), request_to(target, stream=stream)
    for _ in range(20):
        await call.ask(request)
    return [await call.ask(request) for _ in range(count)]


async def side_by_side(
    targets: list[Target], count: int, *, stream: bool
) -> dict[str, list[tuple[float, float]]]:
    """Every target in turn, in short rounds, so that a slow second of the machine hits all of them."""
    found: dict[str, list[tuple[float, float]]] = {target.name: [] for target in targets}
    for _ in range(10):
        for target in targets:
            found[target.name] += await one_by_one(target, count // 10, stream=stream)
    return found


async def at_once(target: Target, count: int, clients: int) -> float:
    """Requests a second by many clients."""

    async def client() -> None:
        call, request = await connect(target), request_to(target, stream=False)
        for _ in range(count // clients):
            await call.ask(request)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return count / (time.perf_counter() - began)


async def streams(target: Target, count: int) -> float:
    """Tokens a second over many streams at once, until the first of them would end."""
    calls = [await connect(target) for _ in range(count)]
    request = request_to(target, stream=True).replace(b"middling", b"crawling")
    asking = [asyncio.ensure_future(call.ask(request)) for call in calls]
    await asyncio.sleep(WARM_SECONDS)
    began, before = time.perf_counter(), sum(call.events for call in calls)
    await asyncio.wait(asking, timeout=WINDOW_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    rate = (sum(call.events for call in calls) - before) / (time.perf_counter() - began)
    for one, call in zip(asking, calls, strict=True):
        one.cancel()
        call.transport.abort()
    await asyncio.gather(*asking, return_exceptions=True)
    return rate
