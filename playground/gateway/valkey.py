"""A thin Valkey client for the hot path: one connection, every command pipelined, no pool and no lock.

redis-py takes a hundred microseconds for a command; this takes ten. It knows nothing but
sending a command and getting its reply.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import hiredis
from redis.connection import parse_url

CALL_TIMEOUT_SECONDS = 1.0
# After a failed connect, so that a Valkey that is away is not knocked at by every request.
PAUSE_SECONDS = 0.25

Command = tuple[str | int | bytes, ...]


class ValkeyAway(Exception):  # noqa: N818 - the caller decides whether that is an error
    """Valkey does not answer, or not in time."""


class Valkey:
    """A connection that is made when needed and again when lost. Belongs to one event loop."""

    def __init__(self, url: str, *, scripts: Sequence[str] = (), greeting: Sequence[Command] = ()) -> None:
        self._settings: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
        self._scripts = scripts
        # Sent first of all on each new connection.
        self._own_greeting = greeting
        self._wire: _Wire | None = None
        self._connecting: asyncio.Task[_Wire] | None = None
        self._not_before = 0.0

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands, as far as anybody knows."""
        return self._wire is not None and not self._wire.is_lost

    async def call(self, *command: str | int | bytes) -> Any:
        """Send a command and return its reply. Raises ValkeyAway."""
        return (await self.call_all([command]))[-1]

    async def call_all(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands in one go and return their replies. Raises ValkeyAway."""
        try:
            wire = self._wire
            if wire is None or wire.is_lost:
                wire = await self._connected()
            # They are answered in order, so the last reply is waited for first of all.
            replies = [wire.send(command) for command in commands]
            await replies[-1]
            return [reply.result() for reply in replies]
        except hiredis.ReplyError as error:
            # Such as NOSCRIPT after a flush: a new connection loads the scripts again.
            self.close()
            raise ValkeyAway(f"Valkey refused a command: {error}") from error

    def close(self) -> None:
        """Drop the connection; the next call makes a new one."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    async def _connected(self) -> "_Wire":
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._connect_ended)
        return await asyncio.shield(self._connecting)

    def _connect_ended(self, task: "asyncio.Task[_Wire]") -> None:
        self._connecting = None
        if not task.cancelled():
            # Looked at, since all who waited for it may have given up.
            task.exception()

    async def _connect(self) -> "_Wire":
        loop, settings = asyncio.get_running_loop(), self._settings
        if loop.time() < self._not_before:
            raise ValkeyAway("Valkey was away a moment ago.")
        try:
            async with asyncio.timeout(CALL_TIMEOUT_SECONDS):
                if "path" in settings:
                    _, wire = await loop.create_unix_connection(_Wire, settings["path"])
                else:
                    tls = True if "SSL" in str(settings.get("connection_class", "")) else None
                    host, port = settings.get("host", "localhost"), settings.get("port", 6379)
                    _, wire = await loop.create_connection(_Wire, host, port, ssl=tls)
                for command in self._greeting():
                    await wire.send(command)
        except (OSError, hiredis.ReplyError, ValkeyAway) as error:
            self._not_before = loop.time() + PAUSE_SECONDS
            raise ValkeyAway("Valkey cannot be reached.") from error
        self._wire = wire
        return wire

    def _greeting(self) -> list[Command]:
        settings = self._settings
        greeting: list[Command] = []
        if "password" in settings:
            greeting.append(("AUTH", settings.get("username", "default"), settings["password"]))
        if settings.get("db"):
            greeting.append(("SELECT", int(settings["db"])))
        greeting += [("SCRIPT", "LOAD", script) for script in self._scripts]
        return [*greeting, *self._own_greeting]


class _Wire(asyncio.Protocol):
    """The connection: commands out, replies in, in order, each within CALL_TIMEOUT_SECONDS."""

    def __init__(self) -> None:
        self.is_lost = False
        self._reader = hiredis.Reader(notEnoughData=self)
        # Each with the time by which it must have come.
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        # One for all that wait, since a timer for each command is a tenth of its cost.
        self._clock: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._outgoing: list[bytes] = []
        self._transport: Any = None

    def send(self, command: Command) -> "asyncio.Future[Any]":
        """Write a command, together with the others of this turn of the loop; the future has its reply."""
        reply = self._loop.create_future()
        if self.is_lost:
            reply.set_exception(ValkeyAway("The connection to Valkey is lost."))
            return reply
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(hiredis.pack_command(command))  # type: ignore[arg-type]
        due = self._loop.time() + CALL_TIMEOUT_SECONDS
        self._waiting.append((reply, due))
        if self._clock is None:
            self._clock = self._loop.call_at(due, self._look)
        return reply

    def _look(self) -> None:
        """Drop the connection if the oldest command has waited too long, else look again when it has."""
        self._clock = None
        if not self._waiting:
            return
        due = self._waiting[0][1]
        if due > self._loop.time():
            self._clock = self._loop.call_at(due, self._look)
        else:
            self._lose("Valkey did not answer in time.")
            self._transport.abort()

    def _flush(self) -> None:
        self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not self:
            future, _ = self._waiting.popleft()
            if future.done():
                continue
            if isinstance(reply, hiredis.ReplyError):
                future.set_exception(reply)
            else:
                future.set_result(reply)

    def connection_lost(self, _: Exception | None) -> None:
        self._lose("The connection to Valkey is lost.")

    def _lose(self, reason: str) -> None:
        self.is_lost = True
        for future, _ in self._waiting:
            if not future.done():
                future.set_exception(ValkeyAway(reason))
                # Marked as seen: with several commands in one go only one is waited for.
                future.exception()
        self._waiting.clear()

    def close(self) -> None:
        """Close the connection; those who wait are told."""
        self.is_lost = True
        self._transport.abort()
