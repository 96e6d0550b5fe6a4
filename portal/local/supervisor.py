"""Start parts, read what they say, start again what crashed, and stop everything in order."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from portal.local.log import Log
from portal.local.parts import Leash, Part
from portal.local.trouble import Trouble

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 8.0
# So many crashes in so short a time are no accident.
CRASHES_TO_GIVE_UP = 5
CRASH_WINDOW_SECONDS = 120.0
POLL_SECONDS = 0.05
# One line of a part; a longer one is shown in pieces.
LONGEST_LINE_BYTES = 64 * 1024

Listener = Callable[[str], Awaitable[None]]
Successor = Callable[[], Awaitable[Part]]


@dataclass
class Kept:
    """A part that is kept running."""

    part: Part
    task: "asyncio.Task[None]"
    leash: Leash | None = None
    crashes: list[float] = field(default_factory=list)


class Supervisor:
    """Runs parts on leashes until told to stop."""

    def __init__(self, log: Log, *, keep_open: tuple[int, ...] = ()) -> None:
        """`keep_open` are descriptors that stay open until the last part is gone (the home's lock)."""
        self.log = log
        self.keep_open = keep_open
        self.kept: dict[str, Kept] = {}
        self.jobs: set[Leash] = set()
        self.is_stopping = False

    def keep(self, part: Part, *, successor: Successor | None = None) -> None:
        """Start `part`, and whenever it ends start it again, or what `successor` gives in its place."""
        task = asyncio.create_task(self._keep(part, successor))
        self.kept[part.name] = Kept(part, task)

    async def run(self, part: Part, *, on_line: Listener | None = None) -> tuple[int, str]:
        """Run a job to its end, each line going to `on_line` too; its exit status and its last line."""
        leash = self._start(part)
        self.jobs.add(leash)
        try:
            last = await self._read(leash, on_line)
            return leash.process.wait(), last
        finally:
            leash.let_go()
            self.jobs.discard(leash)

    async def wait_for(self, name: str, answers: Callable[[], bool], *, seconds: float | None) -> None:
        """Wait until a kept part answers. Raises Trouble when it gives up or takes too long."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not await asyncio.to_thread(answers):
            kept = self.kept[name]
            if kept.task.done():
                kept.task.result()
            if deadline is not None and time.monotonic() > deadline:
                raise Trouble(
                    f"The part `{name}` did not answer within {seconds:.0f} s; its lines above say why."
                )
            await asyncio.sleep(POLL_SECONDS)

    async def watch(self, *names: str) -> None:
        """Wait for one of these parts to give up; raises the Trouble that it gave up with."""
        done, _ = await asyncio.wait(
            [self.kept[name].task for name in names], return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()

    async def stop(self, *, first: tuple[str, ...]) -> None:
        """Stop the jobs and the parts in `first` together, then the others; returns when all are gone."""
        self.is_stopping = True
        for job in tuple(self.jobs):
            job.let_go()
        others = tuple(name for name in self.kept if name not in first)
        for names in (first, others):
            kept = [self.kept[name] for name in names if name in self.kept]
            for one in kept:
                if one.leash:
                    one.leash.let_go()
                else:
                    one.task.cancel()
            await asyncio.gather(*(one.task for one in kept), return_exceptions=True)
        for job in tuple(self.jobs):
            await asyncio.to_thread(job.process.wait)

    def _stops(self) -> bool:
        return self.is_stopping

    def _start(self, part: Part) -> Leash:
        return Leash(part, output=subprocess.PIPE, keep=self.keep_open)

    async def _keep(self, part: Part, successor: Successor | None) -> None:
        kept = self.kept[part.name]
        while not self._stops():
            started_at = time.monotonic()
            kept.leash = self._start(part)
            try:
                await self._read(kept.leash)
            finally:
                leash, kept.leash = kept.leash, None
                leash.let_go()
            status = leash.process.wait()
            if self._stops():
                return
            now = time.monotonic()
            kept.crashes = [at for at in kept.crashes if at > now - CRASH_WINDOW_SECONDS] + [now]
            ended = _describe(status)
            if len(kept.crashes) >= CRASHES_TO_GIVE_UP:
                raise Trouble(
                    f"The part `{part.name}` ended {len(kept.crashes)} times in a row ({ended}); "
                    "its lines above say why."
                )
            pause = min(FIRST_BACKOFF_SECONDS * 2 ** (len(kept.crashes) - 1), LONGEST_BACKOFF_SECONDS)
            ran = now - started_at
            self.log.line(part.name, f"{ended} after {ran:.0f} s; it is started again in {pause:.1f} s.")
            await asyncio.sleep(pause)
            if successor:
                part = kept.part = await successor()

    async def _read(self, leash: Leash, on_line: Listener | None = None) -> str:
        """Log what a part says until it and all below it are gone; the last line."""
        assert leash.process.stdout is not None
        reader = asyncio.StreamReader(limit=LONGEST_LINE_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), leash.process.stdout
        )
        last = ""
        try:
            while line := await _next_line(reader):
                if text := line.decode(errors="replace").rstrip():
                    last = text
                    is_muted = any(words in text for words in leash.part.muted)
                    self.log.line(leash.part.name, text, is_muted=is_muted)
                    if on_line:
                        await on_line(text)
        finally:
            transport.close()
        return last


async def _next_line(reader: asyncio.StreamReader) -> bytes:
    """The next line, or as much of it as fits; empty at the end."""
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        return await reader.read(error.consumed)


def _describe(status: int) -> str:
    if status > 128:  # noqa: PLR2004 — a shell's convention for signals.
        with suppress(ValueError):
            hint = ", perhaps for want of memory" if status - 128 == signal.SIGKILL else ""
            return f"It was ended by {signal.Signals(status - 128).name}{hint}"
    return f"It ended with status {status}"
