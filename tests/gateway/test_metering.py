"""Usage on its way into the stream: each request once, whatever becomes of Valkey's replies."""

import asyncio

import pytest
import redis
from django.conf import settings

from playground.gateway.metering import Meter, Receipt
from playground.gateway.valkey import Valkey, ValkeyAway
from portal.keys import usage


class Deaf(Valkey):
    """A connection that loses the next replies, as one does that breaks off behind the command."""

    losses = 0

    async def call_all(self, commands):
        replies = await super().call_all(commands)
        if self.losses:
            self.losses -= 1
            raise ValkeyAway("The reply was lost.")
        return replies


@pytest.fixture
def stream():
    """What is in the usage stream, as the keys' ids."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(usage.STREAM)
        yield lambda: [int(entry[b"k"]) for _, entry in client.xrange(usage.STREAM)]
        client.delete(usage.STREAM)


@pytest.mark.parametrize("losses", [0, 1, 3])
def test_each_request_is_written_once_even_if_replies_are_lost(stream, losses):
    async def work():
        valkey = Deaf(settings.REDIS_URL)
        valkey.losses = losses
        meter = Meter(valkey)
        for number in range(600):
            meter.note(Receipt(status=200), key_id=number, release_id=1)
        for lost in range(losses):
            with pytest.raises(ValkeyAway):
                await meter.flush()
            # What comes meanwhile waits for its own batch.
            meter.note(Receipt(status=200), key_id=600 + lost, release_id=1)
        await meter.flush()
        valkey.close()

    asyncio.run(work())

    assert stream() == list(range(600 + losses))


def test_a_flush_that_is_broken_off_is_done_again_and_nothing_twice(stream):
    async def work():
        valkey = Valkey(settings.REDIS_URL)
        meter = Meter(valkey)
        for number in range(10):
            meter.note(Receipt(status=200), key_id=number, release_id=1)
        await valkey.call("PING")
        flushing = asyncio.create_task(meter.flush())
        # Sent, and not yet answered.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
        await meter.flush()
        valkey.close()

    asyncio.run(work())

    assert stream() == list(range(10))
