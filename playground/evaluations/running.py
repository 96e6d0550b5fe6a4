"""One turn with one run: the server is looked at, cases are asked a few at a time, and the end is settled."""

import asyncio
from functools import partial
from uuid import UUID

import aiohttp
import structlog
from django.conf import settings

from playground import upstream
from playground.evaluations import ending, items, matchers, server, turns
from playground.evaluations.asking import Asker, Faulty, NotNow
from playground.evaluations.items import Claim
from playground.evaluations.models import EvaluationRun
from playground.evaluations.turns import Turn
from playground.gateway import guarding
from playground.serving import backend_of
from playground.slots import Slots
from portal.common.transitions import LostRace

log = structlog.get_logger(__name__)

OURS = Faulty("The portal failed on this case. Its log says why.", is_final=False)


def run(run_id: UUID, *, turn: int) -> None:
    """Have a turn with a run, if it is still to be had."""
    if (taken := turns.take(run_id, turn=turn)) is None:
        return
    found, mine = taken
    try:
        with turns.beating(mine):
            asyncio.run(_Asking(found, mine).run())
            ending.settle(found.pk, runner=mine.runner)
    except LostRace:
        # Somebody cancelled it in this moment.
        log.info("evaluation_changed", run=str(run_id))
    finally:
        turns.give_back(mine)


class _Asking:
    """The cases of one turn that are out, and those that follow. Lives in one event loop."""

    def __init__(self, run: EvaluationRun, turn: Turn) -> None:
        self._run = run
        self._turn = turn
        self._backend = backend_of(run.revision.release, run.revision)
        self._slots = Slots(turn, name="evaluation-database")
        self._is_away = run.away_since is not None

    async def run(self) -> None:
        """Ask until the turn's time is up, then wait for what is out; break it off if the turn is ended."""
        silence_seconds = settings.GATEWAY_ANSWER_TIMEOUT_SECONDS
        with self._slots.lasting(settings.EVALUATION_TURN_SECONDS):
            async with upstream.new_session(silence_seconds=silence_seconds) as session:
                if not await self._is_served(session):
                    return
                asker = Asker(
                    session,
                    self._backend,
                    self._run.served_name,
                    self._run.params,
                    guarding.cache_salt(self._run.started_by_id or 0),
                )
                await self._slots.work(
                    self._run.concurrency,
                    claim=lambda: items.claim(self._run.pk, runner=self._turn.runner),
                    is_any_waiting=lambda: items.is_any_waiting(self._run.pk),
                    settle=lambda claimed: self._settle(claimed, asker),
                )

    async def _is_served(self, session: aiohttp.ClientSession) -> bool:
        """Whether the server is there, serves the model, and is the one that began the run."""
        while self._slots.go_on:
            try:
                facts = await server.look(
                    session, self._backend, served_name=self._run.served_name, commit=self._run.commit
                )
            except NotNow:
                await self._wait_for_server()
            except Faulty as faulty:
                fail = partial(ending.fail, self._run.pk, self._turn.runner, faulty.sentence)
                await self._slots.database.do(fail)
                return False
            else:
                note = partial(ending.note_server, self._run.pk, self._turn.runner, facts)
                return await self._slots.database.do(note)
        return False

    async def _settle(self, claimed: Claim, asker: Asker) -> None:
        """Ask a case and store what came of it; one that is broken off waits again."""
        task = await self._slots.out(self._ask(claimed, asker))
        if task.cancelled():
            await self._slots.database.do(lambda: items.give_back(claimed))
            return
        try:
            task.result()
        except NotNow:
            await self._slots.database.do(lambda: items.give_back(claimed))
            await self._wait_for_server()
        except Faulty as faulty:
            await self._slots.database.do(partial(items.note_fault, claimed, faulty))
        except Exception:
            # A fault of ours with one case must not end the turn, and with it the others that are out.
            log.exception("evaluation_item_failed", run=str(self._run.pk), item=str(claimed.item_id))
            await self._slots.database.do(lambda: items.note_fault(claimed, OURS))

    async def _ask(self, claimed: Claim, asker: Asker) -> None:
        reply = await asker.ask(claimed.messages, claimed.expectation, claimed.parameters)
        # In a thread: a pattern may need seconds in a process of its own.
        grade = await asyncio.to_thread(matchers.grade, claimed.expectation, reply.answer)
        await self._slots.database.do(lambda: items.settle(claimed, reply, grade))
        self._slots.note_answer()
        if self._is_away:
            self._is_away = False
            await self._slots.database.do(lambda: ending.note_presence(self._run.pk))

    async def _wait_for_server(self) -> None:
        """Rest while the server takes nothing; when it has for too long, the run fails."""
        self._is_away = True
        is_given_up = await self._slots.database.do(
            lambda: ending.note_absence(self._run.pk, self._turn.runner)
        )
        if is_given_up:
            self._turn.end()
            return
        await self._slots.pause()
