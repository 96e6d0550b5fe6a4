"""A model server that fails is left alone until it is well again; more than it takes wait, within bounds."""

import asyncio
import time

import httpx2 as httpx
import pytest
from aiohttp import web

from playground.gateway import circuit as circuits
from playground.gateway.backends import Backend, Backends, UpstreamAway
from playground.gateway.circuit import Circuit
from playground.gateway.connection import UpstreamLost
from playground.gateway.queueing import Turns, UpstreamFull
from portal.local.preflight import free_port
from tests.gateway import processes
from tests.gateway.conftest import eventually, say

ASK = {"running_max": 2, "waiting_max": 1, "timeout_seconds": 5}


# -- The queue ----------------------------------------------------------------------------


def test_turns_are_given_in_order_and_no_more_wait_than_may():
    async def play():
        turns, order = Turns(), []

        async def work(name):
            await turns.take(**ASK)
            order.append(name)
            await asyncio.sleep(0.02)
            turns.give_back()

        tasks = [asyncio.create_task(work(name)) for name in "abc"]
        await asyncio.sleep(0.01)
        assert (turns.running, turns.waiting) == (2, 1)
        with pytest.raises(UpstreamFull):
            await turns.take(**ASK)
        await asyncio.gather(*tasks)
        return order, turns.running, turns.waiting

    assert asyncio.run(play()) == (["a", "b", "c"], 0, 0)


def test_who_waits_too_long_or_leaves_takes_no_turn_along():
    async def play():
        turns = Turns()
        await turns.take(running_max=1, waiting_max=9, timeout_seconds=1)
        with pytest.raises(UpstreamFull):
            await turns.take(running_max=1, waiting_max=9, timeout_seconds=0.01)
        leaver = asyncio.create_task(turns.take(running_max=1, waiting_max=9, timeout_seconds=9))
        stayer = asyncio.create_task(turns.take(running_max=1, waiting_max=9, timeout_seconds=9))
        await asyncio.sleep(0)
        # The turn comes to the first in the same moment in which that one leaves.
        turns.give_back()
        leaver.cancel()
        await asyncio.wait_for(stayer, 1)
        with pytest.raises(asyncio.CancelledError):
            await leaver
        turns.give_back()
        return turns.running, turns.waiting

    assert asyncio.run(play()) == (0, 0)


# -- The circuit --------------------------------------------------------------------------


def test_failures_in_a_row_open_the_circuit_and_an_answer_closes_it():
    circuit = Circuit()
    circuit.failed()
    circuit.failed()
    circuit.answered()
    circuit.failed()
    circuit.failed()
    assert not circuit.is_open
    circuit.failed()
    assert circuit.is_open
    circuit.answered()
    assert not circuit.is_open


def test_health_is_asked_for_while_somebody_asks_and_oftener_when_it_is_out():
    circuit = Circuit()
    assert not circuit.is_check_due(0)
    circuit.asked(0)
    assert [circuit.is_check_due(moment) for moment in (0, 1, 4, 5, 9)] == [True, False, False, True, False]
    for _ in range(circuits.FAILURES_MAX):
        circuit.failed()
    assert [circuit.is_check_due(moment) for moment in (9.1, 9.5, 10.1)] == [True, False, True]
    assert not circuit.is_check_due(61)


class Naughty:
    """A server that is well, or cuts every connection, or is ill by its own word."""

    def __init__(self):
        self.mood, self.asked = "well", 0

    async def answer(self, request):
        self.asked += request.path != "/health"
        if self.mood == "cut":
            request.transport.abort()
        status = 500 if self.mood == "ill" else 200
        return web.json_response({}, status=status)

    async def start(self):
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"


async def ask(backend):
    async with backend.ask(b"/v1/x", b"{}", request_id="req_1", timeout_seconds=5) as connection:
        while await connection.piece(timeout_seconds=5):
            pass
        return connection.status


async def until(claim):
    async with asyncio.timeout(5):
        while not claim():  # noqa: ASYNC110 - it waits for another's state
            await asyncio.sleep(0.02)


def test_a_server_that_cuts_connections_is_out_until_its_health_is_back(monkeypatch):
    monkeypatch.setattr(circuits, "CHECK_AGAIN_SECONDS", 0.05)

    async def play():
        naughty, backends = Naughty(), Backends()
        backend = backends.at(await naughty.start())
        clock = asyncio.create_task(backends.keep_time())
        assert await ask(backend) == 200
        naughty.mood = "cut"
        for _ in range(circuits.FAILURES_MAX):
            with pytest.raises(UpstreamLost):
                await ask(backend)
        before = naughty.asked
        with pytest.raises(UpstreamAway):
            await ask(backend)
        assert naughty.asked == before
        naughty.mood = "well"
        await until(lambda: not backend.circuit.is_open)
        assert await ask(backend) == 200
        clock.cancel()
        backends.close()
        await naughty.runner.cleanup()
        return backend.turns.running

    assert asyncio.run(play()) == 0


def test_a_server_that_says_that_it_is_ill_is_taken_out_though_nobody_failed(monkeypatch):
    monkeypatch.setattr(circuits, "CHECK_EVERY_SECONDS", 0.05)

    async def play():
        naughty, backends = Naughty(), Backends()
        backend = backends.at(await naughty.start())
        clock = asyncio.create_task(backends.keep_time())
        await ask(backend)
        naughty.mood = "ill"
        await until(lambda: backend.circuit.is_open)
        clock.cancel()
        backends.close()
        await naughty.runner.cleanup()

    asyncio.run(play())


def test_nobody_waits_for_an_address_at_which_nobody_answers():
    async def play():
        backend = Backend(f"http://127.0.0.1:{free_port()}")
        for _ in range(circuits.FAILURES_MAX + 2):
            with pytest.raises(UpstreamAway):
                await ask(backend)
        return backend.circuit.is_open, backend.turns.running

    assert asyncio.run(play()) == (True, 0)


# -- The running portal -------------------------------------------------------------------


@pytest.mark.live
def test_a_dead_model_server_is_told_at_once_and_found_again(raw, release):
    body = {"model": "tiny", "messages": say("hi")}
    with processes.upstream() as address:
        release.backend_url = address
        release.save()
        time.sleep(1.1)
        assert raw.post("/v1/chat/completions", json=body).status_code == 200
    port = int(address.rpartition(":")[2])
    gone = [raw.post("/v1/chat/completions", json=body) for _ in range(4)]
    told = raw.get("/metrics").text

    assert {answer.status_code for answer in gone} == {503}
    assert 'gateway_requests_total{release="tiny",status="503"} ' in told
    eventually(
        lambda: (
            f'gateway_model_server_out{{model_server="127.0.0.1:{port}"}} 1.0' in raw.get("/metrics").text
        ),
        within_seconds=3,
    )
    with processes.upstream(port=port):
        eventually(lambda: raw.post("/v1/chat/completions", json=body).status_code == 200, within_seconds=5)


@pytest.mark.live
def test_more_than_a_model_server_takes_wait_and_those_beyond_are_told(key, release):
    with processes.portal(
        GATEWAY_CONNECTIONS_MAX=1, GATEWAY_WAITING_MAX=1, GATEWAY_CONCURRENT_REQUESTS=10
    ) as portal:
        answers = asyncio.run(_at_once(portal, key.token, 3))

    assert sorted(status for status, _ in answers) == [200, 200, 503]
    assert {code for status, code in answers if status == 503} == {"model_overloaded"}


async def _at_once(portal, token, count):
    async with httpx.AsyncClient(
        base_url=portal, headers={"Authorization": f"Bearer {token}"}, timeout=20
    ) as client:

        async def one():
            body = {"model": "tiny", "messages": say("first=0.5")}
            answer = await client.post("/v1/chat/completions", json=body)
            return answer.status_code, answer.json().get("error", {}).get("code")

        return await asyncio.gather(*(one() for _ in range(count)))
