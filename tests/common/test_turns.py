"""A test that must be alone is, and waits no longer than for what runs already."""

import fcntl
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from tests.gateway.conftest import eventually
from tests.turns import turn

TURN = """
    import sys
    from pathlib import Path
    from tests.turns import turn
    print("waits", flush=True)
    with turn(Path(sys.argv[1]), is_alone=sys.argv[2] == "alone"):
        print("runs", flush=True)
        sys.stdin.read()
"""


@contextmanager
def process(folder: Path, kind: str):
    """Another process, whose test is `alone` or `shared`, and runs until its input is closed."""
    command = [sys.executable, "-c", textwrap.dedent(TURN), str(folder), kind]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=settings.BASE_DIR, text=True, **pipes) as other:
        assert other.stdout.readline() == "waits\n"
        yield other
        if not other.stdin.closed:
            other.stdin.close()


def runs(other) -> bool:
    """Whether the other has its turn; waits until it has."""
    return other.stdout.readline() == "runs\n"


def is_refused(folder: Path) -> bool:
    """Whether a test of a third process has to wait."""
    with process(folder, "shared") as third:
        try:
            third.communicate(timeout=0.5)
        except subprocess.TimeoutExpired:
            third.kill()
            return True
    return False


def is_locked(path: Path) -> bool:
    """Whether a process holds a lock on the file."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_tests_of_two_processes_run_at_the_same_time(tmp_path):
    with turn(tmp_path, is_alone=False), process(tmp_path, "shared") as other:
        assert runs(other)


@pytest.mark.parametrize(("mine", "theirs"), [("alone", "shared"), ("shared", "alone"), ("alone", "alone")])
def test_nothing_runs_beside_one_that_is_alone(tmp_path, mine, theirs):
    with process(tmp_path, theirs) as other:
        assert runs(other)
        with process(tmp_path, mine) as waiting:
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(timeout=0.5)
            other.stdin.close()

            assert runs(waiting)


def test_one_that_waits_to_be_alone_is_not_overtaken(tmp_path):
    with process(tmp_path, "shared") as first:
        assert runs(first)
        with process(tmp_path, "alone") as alone:
            eventually(lambda: is_locked(tmp_path / "queue"), within_seconds=10)

            assert is_refused(tmp_path)
            first.stdin.close()
            assert runs(alone)
