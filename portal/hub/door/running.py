"""What runs beside the door's requests in one process: what is remembered, and the downloads under way."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import TypeVar

import structlog
from django.db import DatabaseError

from portal.access.watching import Watch
from portal.common.remembering import Remembered
from portal.common.threads import let_go_after
from portal.hub import actions, limits
from portal.hub.door import lookups
from portal.hub.door.moving import Moving

T = TypeVar("T")

# Whatever changes is forgotten at once, by the ledger; the rest is what only time changes.
KEEP_SECONDS = 10.0
# The day's bytes change without a change of access.
KEEP_SPENT_SECONDS = 2.0
TELL_EVERY_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Running:
    """Everything that belongs to one event loop; made inside it. `threads` use the database."""

    def __init__(self, *, threads: Executor) -> None:
        self._threads = threads
        self.keys = Remembered(lookups.find_key, threads=self._threads, keep_seconds=KEEP_SECONDS)
        self.grants = Remembered(lookups.admit, threads=self._threads, keep_seconds=KEEP_SECONDS)
        self.files = Remembered(lookups.find, threads=self._threads, keep_seconds=KEEP_SECONDS)
        self.warnings = Remembered(lookups.warn, threads=self._threads, keep_seconds=KEEP_SECONDS)
        self.spent = Remembered(limits.spent, threads=self._threads, keep_seconds=KEEP_SPENT_SECONDS)
        self._moving: dict[int, Moving] = {}
        self._changed = asyncio.Event()
        # How often something changed: who begins a download says which state of things it rests on.
        self.changes_count = 0
        self._watch = Watch()
        self._beginning = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    async def begin_watching(self) -> None:
        """Know where the ledger stands before anything is remembered; later calls do nothing.

        Raises DatabaseError.
        """
        if self._tasks:
            return
        async with self._beginning:
            if self._tasks:
                return
            await self.ask(self._watch.has_changed)
            self._tasks = [
                asyncio.create_task(self._watch.keep_looking(self.forget, threads=self._threads)),
                asyncio.create_task(self._keep_judging()),
                asyncio.create_task(self._keep_telling()),
            ]

    async def ask(self, question: Callable[[], T]) -> T:
        """The answer to `question`, which may use the database, from a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, let_go_after, question)

    def forget(self) -> None:
        """Drop all that is remembered, and look at every download under way again."""
        for remembered in (self.keys, self.grants, self.files, self.warnings):
            remembered.forget_all()
        self.changes_count += 1
        self._changed.set()

    def begin(self, moving: Moving, *, seen: int) -> None:
        """Keep an eye on a download that was allowed after `seen` changes."""
        self._moving[moving.download_id] = moving
        if seen != self.changes_count:
            self._changed.set()

    def end(self, moving: Moving) -> None:
        """Record in a thread how a download ended; nobody waits for it, not even a server that stops."""
        self._moving.pop(moving.download_id, None)
        self._threads.submit(let_go_after, _record_end, moving)

    async def stop(self) -> None:
        """End the tasks; the threads go on with what they have begun."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_judging(self) -> None:
        """Cut the downloads that hold no more: at once after a change, and now and then for time's sake."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), KEEP_SECONDS)
            self._changed.clear()
            holds = list({moving.hold for moving in self._moving.values()})
            if not holds:
                continue
            try:
                shut = await self.ask(lambda: lookups.shut(holds))  # noqa: B023 - awaited before the next turn
            except DatabaseError as error:
                # What was allowed a moment ago goes on; the next look is soon.
                log.warning("downloads_not_judged", error=type(error).__name__)
                continue
            for moving in list(self._moving.values()):
                if refusal := shut.get(moving.hold):
                    moving.cut(refusal)

    async def _keep_telling(self) -> None:
        """Record the progress of what is under way, and with it that this process lives."""
        while True:
            await asyncio.sleep(TELL_EVERY_SECONDS)
            sent = {pk: moving.sent_bytes for pk, moving in self._moving.items()}
            try:
                await self.ask(lambda: actions.note_progress(sent))  # noqa: B023 - awaited before the next turn
            except DatabaseError as error:
                log.warning("download_progress_not_recorded", error=type(error).__name__)


def _record_end(moving: Moving) -> None:
    try:
        actions.end_download(moving.download_id, sent_bytes=moving.sent_bytes)
        if moving.refusal is not None:
            actions.cut_download(moving.download_id, reason=moving.refusal.sentence)
    except DatabaseError:
        # The bytes have left whatever the record says; the sweep ends it later.
        log.exception("download_end_not_recorded", download_id=moving.download_id, sent=moving.sent_bytes)
