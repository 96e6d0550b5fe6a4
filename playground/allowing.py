"""What a person's playground may use: the very limits of the API, held before the model is asked."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from uuid import UUID

from playground.actions import Outcome
from playground.gateway import reserving
from playground.gateway.budgets import Budgets
from playground.gateway.errors import ApiError
from playground.gateway.limits import Reservation
from playground.gateway.metering import CLIENT_LEFT, Receipt, Used
from playground.serving import backend_of
from playground.upstream import UpstreamFailure
from portal.releases.models import Release

# Valkey may just be restarting; the person is told only when it stays away.
PATIENCE_SECONDS = 5
AGAIN_SECONDS = 0.25
UNAVAILABLE = "limits_unavailable"


@dataclass(frozen=True)
class Person:
    """Whose answer it is, the key id under which it is counted, and the release."""

    user_id: int
    key_id: int
    release: Release


@dataclass(frozen=True)
class Held:
    """What is held for one answer, at most how much of it is its prompt, and the nearest limit.

    Of that its number, and what it left then; None where there is none.
    """

    reservation: Reservation
    prompt_tokens: int
    limit: int | None
    left: int | None


class Allowance:
    """Reserves before an answer, settles and meters behind it. Belongs to one event loop."""

    def __init__(self) -> None:
        budgets = Budgets()
        self._limits, self._meter = budgets.limits, budgets.meter

    async def run(self) -> None:
        """Keep what is held and write what was used, for as long as the process lives."""
        await asyncio.gather(self._limits.keep_renewing(), self._meter.keep_flushing())

    async def hold(self, generation_id: UUID, person: Person, path: str, body: Mapping[str, Any]) -> Held:
        """Hold the most to which an answer can come. One round trip. Raises UpstreamFailure."""
        until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            try:
                return await self._hold(generation_id, person, path, body)
            except ApiError as error:
                if error.code != UNAVAILABLE or asyncio.get_running_loop().time() > until:
                    raise UpstreamFailure(error.code or "limited", error.message) from error
                await asyncio.sleep(AGAIN_SECONDS)

    def settle(self, held: Held, outcome: Outcome, person: Person) -> Outcome:
        """Count what an answer used; the outcome with what it cost of the limit. No I/O."""
        receipt = _receipt(outcome)
        is_started = outcome.first_token_at is not None
        counted = receipt.tokens_to_count(
            held=held.reservation.tokens,
            is_started=is_started,
            prompt=None if is_started else held.prompt_tokens,
        )
        self._limits.settle(held.reservation, counted)
        self._meter.note(receipt, key_id=person.key_id, release_id=person.release.pk)
        tokens = held.reservation.tokens
        returned = 0 if counted is None else tokens - counted
        return replace(
            outcome,
            held_tokens=tokens,
            returned_tokens=max(0, returned),
            quota_tokens=held.limit,
            quota_left=None if held.left is None else held.left + returned,
        )

    async def _hold(self, generation_id: UUID, person: Person, path: str, body: Mapping[str, Any]) -> Held:
        terms = await self._limits.terms_of_person(person.user_id, person.release, backend_of(person.release))
        worst = reserving.worst_case(
            path.encode(), dict(body), body_bytes=len(json.dumps(body)), context_tokens=terms.context_tokens
        )
        reservation, headers = await self._limits.reserve(
            terms, request_id=f"playground-{generation_id}", tokens=worst.tokens
        )
        told = dict(headers)
        limit, left = told.get(b"x-ratelimit-limit-tokens"), told.get(b"x-ratelimit-remaining-tokens")
        return Held(
            reservation, worst.prompt_tokens, int(limit) if limit else None, int(left) if left else None
        )


def _receipt(outcome: Outcome) -> Receipt:
    """An outcome as the gateway's meter has it."""
    used = Used(outcome.prompt_tokens or 0, outcome.completion_tokens or 0)
    used.is_told = bool(outcome.finish_reason) and outcome.finish_reason != "stopped"
    status: int = HTTPStatus.OK
    if outcome.error_code:
        status = HTTPStatus.BAD_GATEWAY
    elif outcome.finish_reason == "stopped":
        status = CLIENT_LEFT
    return Receipt(status=status, used=used, is_stream=True)
