"""Hold one command on a leash: when whoever holds the other end is gone, end it and all that it started.

Called as `python leash.py SPEC` with a JSON object, and a pipe as standard input that nobody ever writes to.
The end of that pipe means: stop. A supervisor that is killed closes its end as surely as one that stops, so
neither leaves a process behind. Standard library only; it runs before there is a portal to import.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

# From <linux/prctl.h>.
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
IS_LINUX = sys.platform == "linux"
KILL_SECONDS = 3.0


def main(spec: dict[str, Any]) -> int:
    """Run the command until it ends or the leash is let go; return its exit status, 128 + n for signal n."""
    wake = _listen_for_signals()
    if IS_LINUX:
        # Whoever loses its parent below becomes this process's child, so that nothing can slip away.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    child = _start(spec)
    let_go = False
    status: int | None = None
    while status is None and not let_go:
        readable, _, _ = select.select([sys.stdin.fileno(), wake], [], [])
        let_go = sys.stdin.fileno() in readable or _was_told_to_stop(wake)
        status = _reap(child)
    if let_go and status is None:
        with suppress(ProcessLookupError):
            os.kill(child, spec["stop_signal"])
        status = _wait(child, seconds=spec["grace_seconds"], wake=wake)
    killed = _kill_the_rest(child)
    if let_go:
        for path in spec["remove"]:
            shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):
                Path(path).parent.rmdir()
    return killed if status is None else status


def _listen_for_signals() -> int:
    """Wake `select` on signals; a terminal's Ctrl-C is the supervisor's business, not this process's."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return reader


def _start(spec: dict[str, Any]) -> int:
    account = spec["account"]
    identity: dict[str, Any] = (
        {"user": account[0], "group": account[1], "extra_groups": []} if account else {}
    )
    try:
        return subprocess.Popen(
            spec["argv"],
            stdin=subprocess.DEVNULL,
            cwd=spec["cwd"],
            start_new_session=True,
            preexec_fn=_die_with_parent(spec["stop_signal"]),  # noqa: PLW1509 — there are no threads here.
            **identity,
        ).pid
    except OSError as error:
        sys.stderr.write(f"{spec['argv'][0]} could not be started: {error}\n")
        sys.exit(127)


def _die_with_parent(number: int) -> Callable[[], None] | None:
    """What the child does before it becomes the command: ask to be ended should this process be killed."""
    if not IS_LINUX:
        return None
    library = ctypes.CDLL(None)
    return lambda: library.prctl(PR_SET_PDEATHSIG, number)


def _was_told_to_stop(wake: int) -> bool:
    seen = b""
    with suppress(BlockingIOError):
        seen = os.read(wake, 1024)
    return signal.SIGTERM in seen or signal.SIGHUP in seen


def _reap(child: int) -> int | None:
    """Collect every process that ended; the command's own exit status, or None while it runs."""
    status = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                code = os.waitstatus_to_exitcode(ended[1])
                status = code if code >= 0 else 128 - code
    return status


def _wait(child: int, *, seconds: float, wake: int) -> int | None:
    deadline = time.monotonic() + seconds
    status = None
    while status is None and (left := deadline - time.monotonic()) > 0:
        select.select([wake], [], [], left)
        with suppress(BlockingIOError):
            os.read(wake, 1024)
        status = _reap(child)
    return status


def _kill_the_rest(child: int) -> int:
    """Kill the command's group and every process that was handed to this one, until none is left."""
    deadline = time.monotonic() + KILL_SECONDS
    status = 128 + signal.SIGKILL
    while time.monotonic() < deadline:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        for orphan in _children():
            with suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
        status = _reap(child) or status
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        time.sleep(0.02)
    return status


def _children() -> list[int]:
    """The processes whose parent is this one, by the only place that knows: /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            # The second field is a name in brackets that may hold anything, brackets included.
            if int(entry.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(entry.parent.name))
    return found


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
