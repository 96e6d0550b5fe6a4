"""The model servers: a pool of connections each, and requests sent over them."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from django.conf import settings

from playground.gateway import metrics
from playground.gateway.circuit import CHECK_TIMEOUT_SECONDS, Circuit
from playground.gateway.connection import Connection, UpstreamLost, UpstreamSilent
from playground.gateway.queueing import Turns

# Below uvicorn's five seconds, after which vLLM closes a connection that idles.
IDLE_SECONDS_MAX = 4
IDLE_CONNECTIONS_MAX = 128
STALE_SECONDS = 0.5
CLOCK_SECONDS = 0.5

log = structlog.get_logger(__name__)


class UpstreamAway(Exception):  # noqa: N818 - told to the client as an error of its own
    """Nobody answers at the model server's address, or lately nobody did."""


class Backend:
    """One model server. Belongs to one event loop."""

    def __init__(self, base_url: str, *, api_key: str = "") -> None:
        self.circuit = Circuit()
        self.turns = Turns()
        self._check: asyncio.Task[None] | None = None
        parts = urlsplit(base_url)
        self.name = parts.netloc.rpartition("@")[2]
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        # A base URL may carry a prefix, and some people write the /v1 of OpenAI's clients into it.
        self._prefix = parts.path.rstrip("/").removesuffix("/v1").encode()
        authorization = f"authorization: Bearer {api_key}\r\n" if api_key else ""
        self._fixed = f"host: {self.name}\r\naccept: */*\r\n{authorization}".encode()
        self._idle: deque[Connection] = deque()
        self._busy: set[Connection] = set()

    @asynccontextmanager
    async def ask(
        self, path: bytes, body: bytes, *, request_id: str, timeout_seconds: float
    ) -> AsyncIterator[Connection]:
        """POST `body` and give the connection once the answer's head has come.

        The connection goes back to the pool if the answer was read to its end, and is closed
        otherwise. While the model server is out, nobody waits for it. Raises UpstreamAway,
        UpstreamFull, UpstreamLost or UpstreamSilent.
        """
        self.circuit.asked(asyncio.get_running_loop().time())
        if self.circuit.is_open:
            raise UpstreamAway
        await self.turns.take(
            running_max=settings.GATEWAY_CONNECTIONS_MAX,
            waiting_max=settings.GATEWAY_WAITING_MAX,
            timeout_seconds=settings.GATEWAY_WAITING_SECONDS,
        )
        try:
            connection = await self._answered(
                self._request(path, body, request_id), timeout_seconds=timeout_seconds
            )
            try:
                yield connection
            finally:
                self._release(connection)
        finally:
            self.turns.give_back()

    def _request(self, path: bytes, body: bytes, request_id: str) -> bytes:
        head = b"POST %b%b HTTP/1.1\r\n%bcontent-type: application/json\r\ncontent-length: %d\r\n" % (
            self._prefix,
            path,
            self._fixed,
            len(body),
        )
        return b"%bx-request-id: %b\r\n\r\n%b" % (head, request_id.encode(), body)

    async def _answered(self, request: bytes, *, timeout_seconds: float) -> Connection:
        """A connection on which `request` was sent and begins to be answered."""
        loop = asyncio.get_running_loop()
        while True:
            connection = self._from_pool()
            is_reused = connection is not None
            connection = connection or await self._connected()
            self._busy.add(connection)
            sent_at = loop.time()
            try:
                connection.send(request)
                await connection.head(timeout_seconds=timeout_seconds)
            except UpstreamLost:
                self._release(connection)
                # The server closed an idle connection just as we wrote to it, so it has not begun.
                if is_reused and loop.time() - sent_at < STALE_SECONDS:
                    continue
                self.circuit.failed()
                raise
            except UpstreamSilent:
                self._release(connection)
                self.circuit.failed()
                raise
            except BaseException:
                self._release(connection)
                raise
            self.circuit.answered()
            return connection

    def _from_pool(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS_MAX
        while self._idle:
            connection = self._idle.pop()
            if connection.is_lost:
                continue
            if connection.idle_since > oldest:
                return connection
            connection.abort()
        return None

    async def _connected(self) -> Connection:
        try:
            return await self._connect()
        except UpstreamAway:
            self.circuit.failed()
            raise

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(settings.VLLM_CONNECT_TIMEOUT_SECONDS):
                _, connection = await loop.create_connection(
                    Connection, self._host, self._port, ssl=self._tls
                )
        except OSError as error:
            raise UpstreamAway from error
        return connection

    def _release(self, connection: Connection) -> None:
        self._busy.discard(connection)
        # An answer that was not read to its end would be the beginning of the next one's.
        is_clean = connection.is_exhausted and connection.is_reusable and not connection.is_lost
        if is_clean and len(self._idle) < IDLE_CONNECTIONS_MAX:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.abort()

    def tick(self, now: float) -> None:
        """Expire the connections whose deadline has passed and close those that idle too long."""
        for connection in [busy for busy in self._busy if busy.deadline < now]:
            connection.expire()
        while self._idle and self._idle[0].idle_since < now - IDLE_SECONDS_MAX:
            self._idle.popleft().abort()
        if self.circuit.is_check_due(now) and (self._check is None or self._check.done()):
            self._check = asyncio.create_task(self._check_health())

    async def _check_health(self) -> None:
        """Ask vLLM's /health, which other servers may lack: any answer but a failure of its own will do."""
        connection = None
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                connection = await self._connect()
                connection.send(b"GET %b/health HTTP/1.1\r\n%b\r\n" % (self._prefix, self._fixed))
                await connection.head(timeout_seconds=CHECK_TIMEOUT_SECONDS)
            is_well = connection.status < HTTPStatus.INTERNAL_SERVER_ERROR
        except (TimeoutError, UpstreamAway, UpstreamLost, UpstreamSilent):
            is_well = False
        finally:
            if connection is not None:
                connection.abort()
        was_open = self.circuit.is_open
        if is_well:
            self.circuit.answered()
        else:
            self.circuit.failed()
        if was_open != self.circuit.is_open:
            log.warning("model_server_back" if is_well else "model_server_out", model_server=self.name)

    def close(self) -> None:
        """Close every connection."""
        if self._check is not None:
            self._check.cancel()
        for connection in (*self._idle, *self._busy):
            connection.abort()


class Backends:
    """Every model server that was asked so far."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Backend] = {}

    def at(self, base_url: str, *, api_key: str = "") -> Backend:
        """The backend at an address."""
        backend = self._known.get((base_url, api_key))
        if backend is None:
            backend = self._known[base_url, api_key] = Backend(base_url, api_key=api_key)
        return backend

    async def keep_time(self) -> None:
        """Watch over deadlines: one clock for all, cheaper than a timer for each piece of each stream."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CLOCK_SECONDS)
            for backend in self._known.values():
                backend.tick(loop.time())
                metrics.tell_model_server(
                    backend.name,
                    running=backend.turns.running,
                    waiting=backend.turns.waiting,
                    is_out=backend.circuit.is_open,
                )

    def close(self) -> None:
        """Close every connection."""
        for backend in self._known.values():
            backend.close()
