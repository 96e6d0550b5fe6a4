"""What a batch's requests may use: the very limits of the gateway, for which a batch can wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from django.utils import timezone

from playground.batches import answers
from playground.batches.answers import Answer, Verdict
from playground.gateway import refusing, reserving
from playground.gateway.admission import Route
from playground.gateway.budgets import Budgets
from playground.gateway.errors import ApiError
from playground.gateway.limits import Reservation
from playground.gateway.metering import Receipt
from playground.gateway.valkey import ValkeyAway
from playground.gateway.wishes import Wish
from portal.keys.models import ApiKey

# The code of a limit that no waiting lifts, or none before the day is over.
SPENT = "insufficient_quota"


class Allowance:
    """Reserves before a line is asked, and settles and meters behind it. Belongs to one event loop."""

    def __init__(self, *, key: ApiKey, route: Route, endpoint: str, expires_at: datetime) -> None:
        self._budgets = Budgets()
        self._limits, self._meter = self._budgets.limits, self._budgets.meter
        self._flushing = asyncio.Lock()
        self._key = key
        self._route = route
        self._endpoint = endpoint.encode()
        self._expires_at = expires_at
        self._renewing = asyncio.create_task(self._limits.keep_renewing())

    async def hold(self, wish: Wish, *, request_id: str) -> Reservation:
        """Hold the most tokens to which `wish` can come. Raises ApiError."""
        terms = await self._limits.terms(self._key, self._route)
        worst = reserving.worst_case(
            self._endpoint, wish.fields, body_bytes=len(wish.body), context_tokens=terms.context_tokens
        )
        reservation, _ = await self._limits.reserve(terms, request_id=request_id, tokens=worst.tokens)
        return reservation

    def refused(self, error: ApiError, *, request_id: str) -> Answer:
        """What it means that a limit stands in the way: to wait, or to give the line up."""
        answer = answers.failed(error, request_id=request_id)
        back_at = timezone.now() + timedelta(seconds=int(error.headers.get("retry-after", "0")))
        is_in_vain = error.code == SPENT and (
            error.headers.get("retry-after") == str(refusing.IN_VAIN_SECONDS) or back_at >= self._expires_at
        )
        if is_in_vain:
            return Answer(Verdict.REFUSED, answer.status, answer.body, request_id)
        return answer

    async def settle(self, reservation: Reservation, answer: Answer | None) -> None:
        """Count what `answer` used; None for one that was broken off, whose worst case counts.

        That nobody answers at present is no request of the person's, and not in their usage.
        """
        receipt = Receipt()
        if answer is not None:
            receipt = Receipt(status=answer.status, used=answer.used)
        self._limits.settle(reservation, receipt.tokens_to_count(held=reservation.tokens, is_started=False))
        if answer is None or answer.verdict is Verdict.NOT_NOW:
            return
        self._meter.note(receipt, key_id=self._key.pk, release_id=self._route.release.pk)
        # Before the line is stored: what the model has done counts, whatever becomes of this worker.
        # Two at once would write the same entries.
        with suppress(ValkeyAway):
            async with self._flushing:
                await self._meter.flush()

    async def close(self) -> None:
        """Write what waits, and close the connections."""
        self._renewing.cancel()
        await asyncio.gather(self._renewing, return_exceptions=True)
        # Two at once would write the same entries.
        async with self._flushing:
            await self._budgets.close()


@asynccontextmanager
async def allowance(
    *, key: ApiKey, route: Route, endpoint: str, expires_at: datetime
) -> AsyncIterator[Allowance]:
    """An Allowance that is closed behind the block."""
    made = Allowance(key=key, route=route, endpoint=endpoint, expires_at=expires_at)
    try:
        yield made
    finally:
        await made.close()
