"""What runs beside the requests in one process: connections, caches, and the tasks that tend them."""

import asyncio
from collections.abc import Awaitable, Callable

import redis.asyncio
import structlog
from django.conf import settings

from playground.gateway.admission import Admission
from playground.gateway.backends import Backends
from playground.gateway.budgets import Budgets
from portal.keys import revocations

LISTEN_AGAIN_SECONDS = 0.5

log = structlog.get_logger(__name__)


class Running:
    """Everything that belongs to one event loop; made inside it."""

    def __init__(self) -> None:
        self._budgets = Budgets()
        self.admission = Admission()
        self.limits, self.meter = self._budgets.limits, self._budgets.meter
        self.backends = Backends()
        self._tasks = [
            asyncio.create_task(_kept_up(work))
            for work in (
                self._listen,
                self.limits.keep_renewing,
                self.meter.keep_flushing,
                self.backends.keep_time,
            )
        ]

    async def stop(self) -> None:
        """End the tasks, write the settlements and the usage that wait, and close every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._budgets.close()
        self.backends.close()
        self.admission.close()

    async def _listen(self) -> None:
        """Forget a key as soon as it is revoked; after a pause in listening, forget everything."""
        while True:
            try:
                client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_timeout=None)
                async with client, client.pubsub(ignore_subscribe_messages=True) as messages:
                    await messages.subscribe(revocations.CHANNEL)
                    self.admission.forget_all()
                    async for message in messages.listen():
                        self.admission.forget(message["data"].decode())
            except (redis.RedisError, OSError):
                log.info("gateway_revocations_unheard")
            await asyncio.sleep(LISTEN_AGAIN_SECONDS)


async def _kept_up(work: Callable[[], Awaitable[None]]) -> None:
    """Begin `work` again whenever it fails: without it nothing would be counted, or no key forgotten."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("gateway_work_failed", work=work.__qualname__)
        await asyncio.sleep(LISTEN_AGAIN_SECONDS)
