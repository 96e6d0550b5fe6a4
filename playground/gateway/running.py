"""What runs beside the requests in one process: connections, caches, and the tasks that tend them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import redis.asyncio
import structlog
from django.conf import settings
from django.db import DatabaseError

from playground.gateway.admission import Admission
from playground.gateway.backends import Backends
from playground.gateway.budgets import Budgets
from playground.gateway.exchange import Exchange
from portal.access.watching import LOOK_EVERY_SECONDS, Watch
from portal.common.threads import let_go_after
from portal.keys import revocations
from portal.keys.models import ApiKey

LISTEN_AGAIN_SECONDS = 0.5

log = structlog.get_logger(__name__)


class Running:
    """Everything that belongs to one event loop; made inside it."""

    def __init__(self) -> None:
        self._budgets = Budgets()
        self.admission = Admission()
        self.limits, self.meter = self._budgets.limits, self._budgets.meter
        self.backends = Backends()
        self._watch = Watch()
        self._live: dict[Exchange, tuple[ApiKey, str]] = {}
        self._tasks = [
            asyncio.create_task(_kept_up(work))
            for work in (
                self._listen,
                self._keep_judging,
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

    @contextmanager
    def judging(self, exchange: Exchange, key: ApiKey, model: str) -> Iterator[None]:
        """Cut what happens inside within a second of the end of the access that it rests on."""
        self._live[exchange] = (key, model)
        try:
            yield
        finally:
            del self._live[exchange]

    async def _keep_judging(self) -> None:
        """Look at the ledger while answers are under way, and ask the gates anew after a change."""
        loop = asyncio.get_running_loop()
        is_known = False
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            # The first look only learns where the ledger stands.
            if is_known and not self._live:
                continue
            try:
                has_changed = await loop.run_in_executor(
                    self.admission.threads, let_go_after, self._watch.has_changed
                )
                is_known = True
                if has_changed:
                    self.admission.forget_all()
                    await self._judge()
            except DatabaseError as error:
                log.warning("gateway_access_not_watched", error=type(error).__name__)

    async def _judge(self) -> None:
        """Cut what may not go on. Equal questions are asked once: the admission remembers their answers."""
        for exchange, (key, model) in list(self._live.items()):
            error = await self.admission.judge(key, model, address=exchange.client_address())
            if error is not None:
                exchange.cut(error)

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
