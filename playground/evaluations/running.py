"""One turn with one run: the server is looked at, cases are asked a few at a time, and the end is settled."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
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
from playground.turning import DatabaseThread
from portal.common.transitions import LostRace

log = structlog.get_logger(__name__)

# While every case that waits must wait a little longer.
IDLE_SECONDS = 0.5
# While the server takes nothing, each time twice as long.
PAUSE_SECONDS_MIN = 1
PAUSE_SECONDS_MAX = 30
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


def _call_soon(loop: asyncio.AbstractEventLoop, break_off: Callable[[], None]) -> None:
    # A loop that has closed meanwhile has nothing to break off.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(break_off)


class _Asking:
    """The cases of one turn that are out, and those that follow. Lives in one event loop."""

    def __init__(self, run: EvaluationRun, turn: Turn) -> None:
        self._run = run
        self._turn = turn
        self._backend = backend_of(run.revision.release, run.revision)
        self._database = DatabaseThread("evaluation-database")
        self._out: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._pause_seconds = 0.0
        self._is_away = run.away_since is not None

    async def run(self) -> None:
        """Ask until the turn's time is up, then wait for what is out; break it off if the turn is ended."""
        loop = asyncio.get_running_loop()
        self._turn.on_over = partial(_call_soon, loop, self._break_off)
        self._until = loop.time() + settings.EVALUATION_TURN_SECONDS
        silence_seconds = settings.GATEWAY_ANSWER_TIMEOUT_SECONDS
        try:
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
                await asyncio.gather(*(self._work(asker) for _ in range(self._run.concurrency)))
        finally:
            self._turn.on_over = lambda: None
            self._database.close()

    async def _is_served(self, session: aiohttp.ClientSession) -> bool:
        """Whether the server is there, serves the model, and is the one that began the run."""
        while self._goes_on():
            try:
                facts = await server.look(
                    session, self._backend, served_name=self._run.served_name, commit=self._run.commit
                )
            except NotNow:
                await self._wait_for_server()
            except Faulty as faulty:
                fail = partial(ending.fail, self._run.pk, self._turn.runner, faulty.sentence)
                await self._database.do(fail)
                return False
            else:
                note = partial(ending.note_server, self._run.pk, self._turn.runner, facts)
                return await self._database.do(note)
        return False

    def _break_off(self) -> None:
        self._ended.set()
        for task in self._out:
            task.cancel()

    def _goes_on(self) -> bool:
        return not self._turn.is_over.is_set() and asyncio.get_running_loop().time() < self._until

    async def _work(self, asker: Asker) -> None:
        """Ask one case after the other."""
        while self._goes_on():
            claimed = await self._database.do(lambda: items.claim(self._run.pk, runner=self._turn.runner))
            if claimed is not None:
                await self._settle(claimed, asker)
            elif await self._database.do(lambda: items.is_any_waiting(self._run.pk)):
                await self._rest(IDLE_SECONDS)
            else:
                return

    async def _settle(self, claimed: Claim, asker: Asker) -> None:
        """Ask a case and store what came of it; one that is broken off waits again."""
        task = asyncio.create_task(self._ask(claimed, asker))
        self._out.add(task)
        if self._turn.is_over.is_set():
            task.cancel()
        await asyncio.wait({task})
        self._out.discard(task)
        if task.cancelled():
            await self._database.do(lambda: items.give_back(claimed))
            return
        try:
            task.result()
        except NotNow:
            await self._database.do(lambda: items.give_back(claimed))
            await self._wait_for_server()
        except Faulty as faulty:
            await self._database.do(partial(items.note_fault, claimed, faulty))
        except Exception:
            # A fault of ours with one case must not end the turn, and with it the others that are out.
            log.exception("evaluation_item_failed", run=str(self._run.pk), item=str(claimed.item_id))
            await self._database.do(lambda: items.note_fault(claimed, OURS))

    async def _ask(self, claimed: Claim, asker: Asker) -> None:
        reply = await asker.ask(claimed.messages, claimed.expectation, claimed.parameters)
        # In a thread: a pattern may need seconds in a process of its own.
        grade = await asyncio.to_thread(matchers.grade, claimed.expectation, reply.answer)
        await self._database.do(lambda: items.settle(claimed, reply, grade))
        self._pause_seconds = 0.0
        if self._is_away:
            self._is_away = False
            await self._database.do(lambda: ending.note_presence(self._run.pk))

    async def _wait_for_server(self) -> None:
        """Rest while the server takes nothing; when it has for too long, the run fails."""
        self._is_away = True
        is_given_up = await self._database.do(lambda: ending.note_absence(self._run.pk, self._turn.runner))
        if is_given_up:
            self._turn.end()
            return
        self._pause_seconds = min(max(2 * self._pause_seconds, PAUSE_SECONDS_MIN), PAUSE_SECONDS_MAX)
        await self._rest(self._pause_seconds)

    async def _rest(self, seconds: float) -> None:
        """Sleep, or less when the turn is over."""
        left_seconds = self._until - asyncio.get_running_loop().time()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0, min(seconds, left_seconds))):
                await self._ended.wait()
