"""The hot path's own Valkey client against a real Valkey that falls silent."""

import asyncio
import time

import pytest
from django.conf import settings

from playground.gateway.valkey import Valkey, ValkeyAway
from tests.gateway.processes import running

SECONDS = 1.0
# Valkey's own pause holds every command of every client back, as a stopped process would.
PAUSE_MILLISECONDS = 2_600


async def _held_back(url: str, commands: int) -> tuple[list[str], float]:
    """What commands sent at once to a Valkey that answers too late were told, and after how many seconds."""
    quiet, asking = Valkey(url), Valkey(url)
    await asking.call("PING")
    await quiet.call("CLIENT", "PAUSE", PAUSE_MILLISECONDS, "ALL")
    began = time.monotonic()
    told = await asyncio.gather(*(asking.call("PING") for _ in range(commands)), return_exceptions=True)
    seconds = time.monotonic() - began
    assert not asking.is_connected
    with pytest.raises(ValkeyAway):
        # Nor does the new connection's greeting come through.
        await Valkey(url, greeting=[("PING",)]).call("PING")
    await asyncio.sleep(PAUSE_MILLISECONDS / 1000)
    assert await asking.call("PING") == b"PONG"
    for one in (quiet, asking):
        one.close()
    return [str(error) for error in told], seconds


@pytest.mark.parametrize("commands", [1, 20])
def test_whoever_waits_for_a_silent_valkey_is_told_after_a_second(valkey, commands):
    with running(valkey):
        told, seconds = asyncio.run(_held_back(valkey.url, commands))

    assert set(told) == {"Valkey did not answer in time."}
    assert SECONDS <= seconds < SECONDS + 0.5


async def _steadily(url: str) -> int:
    valkey, until, answered = Valkey(url), time.monotonic() + 1.5 * SECONDS, 0
    while time.monotonic() < until:
        answered += await valkey.call("PING") == b"PONG"
        await asyncio.sleep(0.01)
    assert valkey.is_connected
    await asyncio.sleep(1.2 * SECONDS)
    assert await valkey.call("PING") == b"PONG"
    valkey.close()
    return answered


def test_a_valkey_that_answers_is_kept_however_long_it_is_asked():
    assert asyncio.run(_steadily(settings.REDIS_URL)) > 10
