"""What a part of the portal is (one command with its surroundings), and a running one on its leash."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

BASE_DIR = Path(__file__).resolve().parent.parent.parent
STANDALONE = Path(__file__).resolve().parent / "standalone"
LEASH = STANDALONE / "leash.py"


@dataclass(frozen=True)
class Account:
    """The system account that a part drops to."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Part:
    """One command to supervise.

    `env` is its whole environment; `remove` lists folders to delete once it is stopped; lines with one of
    `muted` say nothing to a person and go to the log file only.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str = str(BASE_DIR)
    account: Account | None = None
    stop_signal: int = signal.SIGTERM
    grace_seconds: float = 5.0
    remove: tuple[str, ...] = ()
    muted: tuple[str, ...] = ()


class Leash:
    """A started part. It ends, with everything below it, when this process lets go or dies."""

    def __init__(
        self,
        part: Part,
        *,
        output: int | IO[Any] | None = None,
        keep: tuple[int, ...] = (),
        fifo: Path | None = None,
    ) -> None:
        """Start `part`, its output going to `output`; `keep` are descriptors that the leash holds open.

        With a `fifo` several processes hold the leash: each that has the fifo open for writing.
        """
        self.part = part
        if fifo:
            reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            self._pipe = os.open(fifo, os.O_WRONLY | os.O_CLOEXEC)
        else:
            reader, self._pipe = os.pipe()
        spec = {
            "argv": part.argv,
            "cwd": part.cwd,
            "account": [part.account.uid, part.account.gid] if part.account else None,
            "stop_signal": int(part.stop_signal),
            "grace_seconds": part.grace_seconds,
            "remove": part.remove,
        }
        try:
            self.process = subprocess.Popen(
                # -I and -S: a leash must start fast and never import from the working directory.
                [sys.executable, "-I", "-S", str(LEASH), json.dumps(spec)],
                stdin=reader,
                stdout=output,
                stderr=subprocess.STDOUT if output is not None else None,
                env=dict(part.env),
                cwd="/",
                start_new_session=True,
                pass_fds=keep,
            )
        finally:
            os.close(reader)

    def let_go(self) -> None:
        """Have the part stopped; returns at once. Harmless when repeated."""
        with suppress(OSError):
            os.close(self._pipe)
        self._pipe = -1

    def stop(self) -> int:
        """Have the part stopped and wait until nothing of it is left; its exit status."""
        self.let_go()
        return self.process.wait()
