"""One turn with one batch: its file is read, its lines are asked a few at a time, its files are written."""

import asyncio

import aiohttp
import structlog
from django.conf import settings

from playground import upstream
from playground.batches import answers, ending, lines, turns, validating
from playground.batches.answers import Answer, Verdict
from playground.batches.limiting import Allowance, allowance
from playground.batches.lines import Claim
from playground.batches.models import Batch, BatchStatus
from playground.batches.turns import Turn
from playground.batches.validating import Fault
from playground.gateway import guarding
from playground.gateway.admission import Route, find_route
from playground.gateway.errors import ApiError
from playground.gateway.wishes import Wish
from playground.serving import Backend
from playground.slots import Slots
from playground.upstream import UpstreamFailure
from portal.common.refusals import Refusal
from portal.common.transitions import LostRace

log = structlog.get_logger(__name__)

LOST_FILE = Fault("file_lost", "The portal has lost the file of requests. Send it again in a new batch.")


def run(batch_id: str, *, turn: int) -> None:
    """Have a turn with a batch, if it is still to be had."""
    if (taken := turns.take(batch_id, turn=turn)) is None:
        return
    batch, mine = taken
    try:
        with turns.beating(mine):
            turns.look(mine, asks_gates=True)
            _work(batch, mine)
    except LostRace:
        # Somebody cancelled it in this moment; the next turn sees to that.
        log.info("batch_changed", batch=batch_id)
    finally:
        turns.give_back(mine)


def _work(batch: Batch, turn: Turn) -> None:
    """Take the batch as far as this turn goes."""
    if batch.status == BatchStatus.VALIDATING:
        _validate(batch, turn)
    if batch.status == BatchStatus.IN_PROGRESS:
        _ask_lines(batch, turn)
        _settle_end(batch, turn)
    if batch.status in {BatchStatus.FINALIZING, BatchStatus.CANCELLING}:
        ending.conclude(batch, turn)


def _validate(batch: Batch, turn: Turn) -> None:
    if turn.ends_as == BatchStatus.EXPIRED:
        ending.lapse(batch)
        return
    if turn.is_over.is_set():
        return
    if not batch.input_file.path.exists():
        ending.reject(batch, [LOST_FILE])
        return
    reading = validating.read(batch)
    if reading.faults:
        ending.reject(batch, reading.faults)
    else:
        ending.begin(batch, reading)


def _settle_end(batch: Batch, turn: Turn) -> None:
    """Go on to the batch's end if there is one, as it was seen when the lines were asked."""
    if turn.ends_as == BatchStatus.CANCELLED:
        batch.refresh_from_db()
    elif turn.ends_as:
        ending.finalise(batch, ends_as=BatchStatus(turn.ends_as), refusal=turn.refusal)
    elif not lines.is_any_unsettled(batch.pk):
        ending.finalise(batch, ends_as=BatchStatus.COMPLETED)
    batch.refresh_from_db()


def _ask_lines(batch: Batch, turn: Turn) -> None:
    """Ask lines until the turn is over or none is left."""
    if turn.is_over.is_set():
        return
    assert batch.release is not None
    if not batch.input_file.path.exists():
        turn.end(BatchStatus.FAILED, refusal=Refusal(LOST_FILE.code, LOST_FILE.message))
        return
    route = find_route((batch.key.public_id, batch.user_id, batch.release.slug))
    if isinstance(route, Route):
        asyncio.run(_Asking(batch, turn, route).run())
    elif isinstance(route, Refusal):
        turn.end(BatchStatus.FAILED, refusal=route)


class _Asking:
    """The lines of one turn that are out, and those that follow. Lives in one event loop."""

    def __init__(self, batch: Batch, turn: Turn, route: Route) -> None:
        self._batch = batch
        self._turn = turn
        self._route = route
        self._backend = Backend(route.base_url, route.api_key)
        self._slots = Slots(turn, name="batch-database")

    async def run(self) -> None:
        """Ask until the turn's time is up, then wait for what is out; break it off if the turn is ended."""
        silence_seconds = settings.GATEWAY_ANSWER_TIMEOUT_SECONDS
        limits = allowance(
            key=self._batch.key,
            route=self._route,
            endpoint=self._batch.endpoint,
            expires_at=self._batch.expires_at,
        )
        with self._slots.lasting(settings.BATCH_TURN_SECONDS):
            async with limits as held, upstream.new_session(silence_seconds=silence_seconds) as session:
                await self._slots.work(
                    settings.BATCH_LINES_AT_ONCE,
                    claim=lambda: lines.claim(self._batch.pk, runner=self._turn.runner),
                    is_any_waiting=lambda: lines.is_any_waiting(self._batch.pk),
                    settle=lambda claimed: self._settle(claimed, session, held),
                )

    async def _settle(self, claimed: Claim, session: aiohttp.ClientSession, held: Allowance) -> None:
        """Ask a line and store what came of it; one that is broken off waits again."""
        task = await self._slots.out(self._ask(claimed, session, held))
        if task.cancelled():
            await self._slots.database.do(lambda: lines.give_back(claimed))
            return
        answer = task.result()
        await self._slots.database.do(lambda: lines.take_in(claimed, answer))
        if answer.verdict is Verdict.NOT_NOW:
            await self._slots.pause()
        else:
            self._slots.note_answer()

    async def _ask(self, claimed: Claim, session: aiohttp.ClientSession, held: Allowance) -> Answer:
        request_id = answers.new_request_id()
        try:
            return await self._answer(claimed, session, held, request_id=request_id)
        except Exception:
            # A fault of ours with one line must not end the turn, and with it the others that are out.
            log.exception("batch_line_failed", batch=self._batch.pk, request_id=request_id)
            return answers.broken(request_id=request_id)

    async def _answer(
        self, claimed: Claim, session: aiohttp.ClientSession, held: Allowance, *, request_id: str
    ) -> Answer:
        wish = await asyncio.to_thread(self._wish, claimed)
        try:
            reservation = await held.hold(wish, request_id=request_id)
        except ApiError as error:
            return held.refused(error, request_id=request_id)
        answer: Answer | None = None
        try:
            status, body = await upstream.ask(
                session,
                self._batch.endpoint,
                wish.for_backend(
                    self._route.served_model_name, cache_salt=guarding.cache_salt(self._batch.user_id)
                ),
                backend=self._backend,
                request_id=request_id,
            )
            answer = answers.read(status, body, request_id=request_id)
        except UpstreamFailure as failure:
            answer = answers.not_had(failure, request_id=request_id)
        finally:
            await held.settle(reservation, answer)
        return answer

    def _wish(self, claimed: Claim) -> Wish:
        with self._batch.input_file.path.open("rb") as source:
            source.seek(claimed.offset)
            return validating.request_in(source.read(claimed.size_bytes))
