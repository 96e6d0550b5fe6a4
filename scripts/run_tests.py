"""Run every test as three calls of pytest and add up what they say; `make test` and `make test-fast` call it.

The fast tests run in parallel. Those that share one vLLM or whole portals run one after another. Beside them
run those with a browser, in a process of their own, since sync Playwright leaves an event loop behind
(docs/decisions/0035).

Hundreds of tests of every kind race real processes on a machine that others may load. A few that failed are
run once more by themselves, and those that pass then are named in large letters: each is a fault to be found
(docs/decisions/0034).
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests import chromium, turns

ROOT = Path(__file__).resolve().parent.parent
COUNT = re.compile(r"(\d+) (passed|failed|skipped|error)s?\b")
FAULT = re.compile(r"(?:FAILED|ERROR) (tests/\S+?\.py::.+?)(?: - .*)?\n")
# More than so many at once are no accident.
RETRIED_MAX = 3
# Exit codes of pytest.
FAILED, NO_TESTS = 1, 5
# A call that hangs is ended, so that what was found until then is told; the longest takes half of it.
CALL_SECONDS = 60 * 60
INTERRUPTED_SECONDS = 60
BANNER = "!" * 100


@dataclass
class Call:
    """One call of pytest, and what became of it."""

    name: str
    marks: str
    options: tuple[str, ...] = ("-n", "0")
    code: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    # Those of the faults that were none at the second try.
    unsteady: list[str] = field(default_factory=list)

    def run(self, extra: Sequence[str], *, label: str = "") -> None:
        """Run it, with a `label` before each line when it is not the only one."""
        self.code, said, self.faults = run(["-m", self.marks, *self.options, *extra], label=label)
        self.counts = {word: int(number) for number, word in COUNT.findall(said)}

    def try_again(self) -> None:
        """Run once more those that failed, if they are few."""
        if self.code != FAILED or not 0 < len(self.faults) <= RETRIED_MAX:
            return
        print(f"\n== {self.name} tests: once more those that failed ==", flush=True)
        code, _, _ = run(["-n", "0", *self.faults])
        if code == 0:
            passed = self.counts.get("passed", 0) + len(self.faults)
            self.code, self.unsteady = 0, self.faults
            self.counts = {"passed": passed, "skipped": self.counts.get("skipped", 0)}


def rounds(*, is_fast: bool, has_browser: bool) -> list[list[Call]]:
    """What runs at the same time, one round after the other."""
    processes = str(min(4, os.cpu_count() or 2))
    fast = Call("fast", "not browser and not model and not live", ("-n", processes))
    slow = [Call("model and live", "(model or live) and not browser")]
    if has_browser:
        slow.append(Call("browser", "browser"))
    return [[fast]] if is_fast else [[fast], slow]


def main(arguments: list[str]) -> int:
    """Run the calls, print one closing line, and fail if any failed."""
    # What starts us in the background may have switched interrupts off, for those whom we start, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    is_fast = "--fast" in arguments
    extra = [argument for argument in arguments if argument != "--fast"]
    began = time.monotonic()
    has_browser = is_fast or find_browser()
    calls: list[Call] = []
    for together in rounds(is_fast=is_fast, has_browser=has_browser):
        run_together(together, extra)
        calls += together
    if not has_browser:
        print(f"\n{BANNER}\nNO BROWSER TEST WAS RUN: there is no Chromium and none could be installed.")
        print(f"Install it (Debian: apt install chromium) or set CHROMIUM to its path.\n{BANNER}")
    if unsteady := [fault for call in calls for fault in call.unsteady]:
        print(f"\n{BANNER}\nPASSED ONLY AT THE SECOND TRY, so there is a race to be mended:")
        print("\n".join(unsteady), f"\n{BANNER}", sep="")
    totals = sum((Counter(call.counts) for call in calls), Counter())
    failed = totals["failed"] + totals["error"]
    print(f"\nAll in {time.monotonic() - began:.0f} s.")
    print(f"{totals['passed']} passed, {failed} failed, {totals['skipped']} skipped", flush=True)
    status = next((call.code for call in calls if call.code not in {0, NO_TESTS}), 0)
    return status or (1 if failed or not totals["passed"] else 0)


def run_together(calls: list[Call], extra: Sequence[str]) -> None:
    """Run calls at the same time; what failed, by itself once more."""
    print(f"\n== {' beside '.join(call.name for call in calls)} tests ==", flush=True)
    width = max(len(call.name) for call in calls)
    with tempfile.TemporaryDirectory(prefix="portal-turns-") as folder, ThreadPoolExecutor() as threads:
        # Where a test that must be alone waits for the other call.
        os.environ[turns.FOLDER] = folder
        labels = [f"{call.name:{width}} | " if len(calls) > 1 else "" for call in calls]
        started = [
            threads.submit(call.run, extra, label=label) for call, label in zip(calls, labels, strict=True)
        ]
        for one in started:
            one.result()
        for call in calls:
            call.try_again()


def run(options: list[str], *, label: str = "") -> tuple[int, str, list[str]]:
    """One call of pytest, shown as it runs: its exit status, its closing line, and the tests that failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", *options]
    closing, faults = "", []
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        # An interrupted pytest says where it was and what had failed by then.
        deadlines = [
            threading.Timer(CALL_SECONDS, process.send_signal, [signal.SIGINT]),
            threading.Timer(CALL_SECONDS + INTERRUPTED_SECONDS, process.kill),
        ]
        for deadline in deadlines:
            deadline.start()
        for line in process.stdout:
            sys.stdout.write(label + line)
            sys.stdout.flush()
            if re.search(r"\d+ (passed|failed|skipped|error|deselected).* in [\d.]+s", line):
                closing = line
            if fault := FAULT.fullmatch(line):
                faults.append(fault[1])
        for deadline in deadlines:
            deadline.cancel()
    return process.returncode, closing, faults


def environment() -> dict[str, str]:
    """Ours, and a place for compiled modules.

    The tests start hundreds of processes, each of which would compile some two thousand modules for itself
    where bytecode is not written: six seconds of a core.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "bytecode")}


def find_browser() -> bool:
    """Whether there is a Chromium, or Playwright could fetch its own."""
    if chromium.found():
        return True
    print("No Chromium was found; asking Playwright for its own.", flush=True)
    fetched = subprocess.run(
        [sys.executable, "-m", "playwright", "install", "chromium"], capture_output=True, check=False
    )
    return fetched.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
