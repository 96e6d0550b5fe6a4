"""What is written in one turn of the event loop leaves in one call, in its order, and at once."""

import asyncio

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from portal.common.corking import HELD_BYTES_MAX, CorkedTransport
from portal.hub.zerocopy import ZeroCopyProtocol


class Wire(asyncio.Transport):
    """A connection that remembers each call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes] = []
        self.is_shut = False

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def is_closing(self) -> bool:
        return self.is_shut

    def close(self) -> None:
        self.is_shut = True


@pytest.fixture
def wire() -> Wire:
    return Wire()


def corked(wire: Wire) -> CorkedTransport:
    return CorkedTransport(wire, asyncio.get_running_loop())


async def a_turn() -> None:
    await asyncio.sleep(0)


def test_what_is_written_in_one_turn_leaves_in_one_call(wire):
    async def write():
        transport = corked(wire)
        transport.write(b"head")
        transport.write(b"body")
        assert wire.calls == []
        await a_turn()
        transport.write(b"more")
        await a_turn()

    asyncio.run(write())

    assert wire.calls == [b"headbody", b"more"]


def test_no_more_is_held_than_a_buffer_full(wire):
    async def write():
        transport = corked(wire)
        transport.write(b"head")
        transport.write(b"x" * HELD_BYTES_MAX)
        assert [len(call) for call in wire.calls] == [4 + HELD_BYTES_MAX]
        transport.write(b"tail")
        await a_turn()

    asyncio.run(write())

    assert wire.calls[1:] == [b"tail"]


def test_what_is_held_leaves_before_the_connection_is_closed(wire):
    async def write():
        transport = corked(wire)
        transport.write(b"last words")
        transport.close()
        await a_turn()

    asyncio.run(write())

    assert (wire.calls, wire.is_shut) == ([b"last words"], True)


def test_nothing_is_written_to_a_connection_that_was_lost(wire):
    async def write():
        transport = corked(wire)
        transport.write(b"too late")
        wire.is_shut = True
        await a_turn()

    asyncio.run(write())

    assert wire.calls == []


def test_all_else_is_asked_of_the_connection_itself(wire):
    async def ask():
        return corked(wire).is_closing()

    assert asyncio.run(ask()) is False


# The client has something in its hands.
HEAD_SEEN = asyncio.Event()


class Listener(asyncio.Protocol):
    """A client that notes what reaches it at once."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.is_over = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)
        HEAD_SEEN.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over.set_result(exc)


def test_an_answer_of_the_server_has_its_head_and_its_body_in_one_piece(monkeypatch):
    written: list[bytes] = []
    flush = CorkedTransport.flush

    def noted(self):
        written.extend([b"".join(self._held)] if self._held else [])
        flush(self)

    monkeypatch.setattr(CorkedTransport, "flush", noted)

    async def application(scope, receive, send):
        headers = [(b"content-length", b"5"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"hello"})

    client = asyncio.run(_asked(application))

    assert len(written) == 1
    assert b"".join(client.pieces) == written[0]
    assert written[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert written[0].endswith(b"\r\n\r\nhello")


def test_the_head_of_an_answer_does_not_wait_for_its_body():
    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
        await asyncio.wait_for(HEAD_SEEN.wait(), 10)
        await send({"type": "http.response.body", "body": b"hello"})

    client = asyncio.run(_asked(application))

    assert b"hello" in b"".join(client.pieces)


async def _asked(application) -> Listener:
    """Ask a server with our protocol for one page."""
    HEAD_SEEN.clear()
    config = Config(application, lifespan="off", log_level="critical")
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: ZeroCopyProtocol(config, ServerState(), {}), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport, client = await loop.create_connection(Listener, "127.0.0.1", port)
    transport.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    await asyncio.wait_for(client.is_over, 10)
    server.close()
    return client
