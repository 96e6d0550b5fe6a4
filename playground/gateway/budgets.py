"""Limits and usage over one connection to Valkey, as all three doors to a model hold and count them."""

from contextlib import suppress

from django.conf import settings

from playground.gateway.limit_scripts import GREET, SCRIPTS
from playground.gateway.limits import Limits
from playground.gateway.metering import Meter
from playground.gateway.valkey import Valkey, ValkeyAway


class Budgets:
    """What `limits` reserves and settles, and `meter` writes down. Belongs to one event loop."""

    def __init__(self) -> None:
        self.valkey = Valkey(settings.REDIS_URL, scripts=SCRIPTS, greeting=[("EVAL", GREET, 0)])
        self.limits = Limits(self.valkey)
        self.meter = Meter(self.valkey)

    async def close(self) -> None:
        """Write the settlements and the usage that wait, unless Valkey is away, and close the connection."""
        with suppress(ValkeyAway):
            await self.limits.flush()
            await self.meter.flush()
        self.limits.close()
        self.valkey.close()
