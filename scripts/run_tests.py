"""Run every test as three calls of pytest and add up what they say; `make test` and `make test-fast` call it.

The fast tests run in parallel. Those that share one vLLM or whole portals run one after another. Those with a
browser have a process of their own, since sync Playwright leaves an event loop behind.

Hundreds of tests of every kind race real processes on a machine that others may load. A few that failed are
run once more by themselves, and those that pass then are named in large letters: each is a fault to be found
(docs/decisions/0034).
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COUNT = re.compile(r"(\d+) (passed|failed|skipped|error)s?\b")
FAULT = re.compile(r"(?:FAILED|ERROR) (tests/\S+?\.py::.+?)(?: - .*)?\n")
# More than so many at once are no accident.
RETRIED_MAX = 3
NO_TESTS = 5
# A call that hangs is ended, so that what was found until then is told; the longest takes half of it.
CALL_SECONDS = 40 * 60
INTERRUPTED_SECONDS = 60
BANNER = "!" * 100


def main(arguments: list[str]) -> int:
    """Run the calls, print one closing line, and fail if any failed."""
    # What starts us in the background may have switched interrupts off, for those whom we start, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    is_fast = "--fast" in arguments
    extra = [argument for argument in arguments if argument != "--fast"]
    began = time.monotonic()
    has_browser = is_fast or find_browser()
    calls = [("fast", "not browser and not model and not live", ["-n", str(min(4, os.cpu_count() or 2))])]
    if not is_fast:
        calls.append(("model and live", "(model or live) and not browser", ["-n", "0"]))
        calls.append(("browser", "browser", ["-n", "0"]))
    totals = {"passed": 0, "failed": 0, "skipped": 0, "error": 0}
    status, unsteady = 0, []
    for name, marks, options in calls:
        print(f"\n== {name} tests ==", flush=True)
        if name == "browser" and not has_browser:
            continue
        code, said, faults = run(["-m", marks, *options, *extra])
        counts = {word: int(number) for number, word in COUNT.findall(said)}
        if code == 1 and 0 < len(faults) <= RETRIED_MAX:
            print(f"\n== {name} tests: once more those that failed ==", flush=True)
            code, _, _ = run(["-n", "0", *faults])
            if code == 0:
                unsteady += faults
                counts = {
                    "passed": counts.get("passed", 0) + len(faults),
                    "skipped": counts.get("skipped", 0),
                }
        for word, count in counts.items():
            totals[word] += count
        status = status or (0 if code == NO_TESTS else code)
    if not has_browser:
        print(f"\n{BANNER}\nNO BROWSER TEST WAS RUN: there is no Chromium and none could be installed.")
        print(f"Install it (Debian: apt install chromium) or set CHROMIUM to its path.\n{BANNER}")
    failed = totals["failed"] + totals["error"]
    if unsteady:
        print(f"\n{BANNER}\nPASSED ONLY AT THE SECOND TRY, so there is a race to be mended:")
        print("\n".join(unsteady), f"\n{BANNER}", sep="")
    print(f"\nAll in {time.monotonic() - began:.0f} s.")
    print(f"{totals['passed']} passed, {failed} failed, {totals['skipped']} skipped", flush=True)
    return status or (1 if failed or not totals["passed"] else 0)


def run(options: list[str]) -> tuple[int, str, list[str]]:
    """One call of pytest, shown as it runs: its exit status, its closing line, and the tests that failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", *options]
    closing, faults = "", []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stdout is not None
        # An interrupted pytest says where it was and what had failed by then.
        deadlines = [
            threading.Timer(CALL_SECONDS, process.send_signal, [signal.SIGINT]),
            threading.Timer(CALL_SECONDS + INTERRUPTED_SECONDS, process.kill),
        ]
        for deadline in deadlines:
            deadline.start()
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            if re.search(r"\d+ (passed|failed|skipped|error|deselected).* in [\d.]+s", line):
                closing = line
            if fault := FAULT.fullmatch(line):
                faults.append(fault[1])
        for deadline in deadlines:
            deadline.cancel()
    return process.returncode, closing, faults


def find_browser() -> bool:
    """Whether there is a Chromium, or Playwright could fetch its own."""
    if os.environ.get("CHROMIUM") or shutil.which("chromium"):
        return True
    print("No Chromium was found; asking Playwright for its own.", flush=True)
    fetched = subprocess.run(
        [sys.executable, "-m", "playwright", "install", "chromium"], capture_output=True, check=False
    )
    return fetched.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
