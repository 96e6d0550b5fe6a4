"""A leash leaves nothing behind, however whoever holds it goes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from portal.local.parts import BASE_DIR, Leash, Part
from tests.local.conftest import processes_with
from tests.services import wait_until

# A child with a grandchild in a session of its own, which no signal to a group can reach.
FAMILY = (
    sys.executable,
    "-c",
    """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'], start_new_session=True)
print('up', flush=True); time.sleep(300)
""",
)
SUPERVISOR = """
import os, subprocess, sys, time
from portal.local.parts import Leash, Part
part = Part("family", tuple(sys.argv[2:]), {**os.environ, "MARK": sys.argv[1]}, grace_seconds=0.2)
leash = Leash(part, output=subprocess.PIPE)
print(leash.process.stdout.readline().decode(), end="", flush=True)
time.sleep(300)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
def test_supervisor_that_dies_takes_even_a_stubborn_grandchild_along(number):
    mark = f"leash-test-{uuid4().hex}"
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, mark, *FAMILY], cwd=BASE_DIR, stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout.readline() == "up\n"
    wait_until(lambda: len(processes_with(f"MARK={mark}")) >= 3, "The whole family", seconds=10)

    supervisor.send_signal(number)
    supervisor.wait()

    wait_until(lambda: not processes_with(f"MARK={mark}"), "The end of the family", seconds=5)


def test_leash_that_is_killed_takes_its_child_along():
    mark = f"leash-test-{uuid4().hex}"
    sleeper = (sys.executable, "-c", "print('up', flush=True); import time; time.sleep(300)")
    leash = Leash(Part("sleeper", sleeper, {**os.environ, "MARK": mark}), output=subprocess.PIPE)
    assert leash.process.stdout.readline() == b"up\n"

    leash.process.kill()
    leash.process.wait()

    wait_until(lambda: not processes_with(f"MARK={mark}"), "The end of the child", seconds=5)
    leash.let_go()


def test_part_that_is_let_go_may_end_by_itself(tmp_path):
    said = tmp_path / "said"
    polite = (
        sys.executable,
        "-c",
        f"""
import signal, sys, time
def end(*_): open({str(said)!r}, 'w').write('goodbye'); sys.exit(7)
signal.signal(signal.SIGINT, end); print('up', flush=True); time.sleep(300)
""",
    )
    part = Part("polite", polite, dict(os.environ), stop_signal=signal.SIGINT, grace_seconds=5)
    leash = Leash(part, output=subprocess.PIPE)
    leash.process.stdout.readline()

    status = leash.stop()

    assert (status, said.read_text()) == (7, "goodbye")


def test_folders_of_a_stopped_part_are_removed(tmp_path):
    folder = tmp_path / "run" / "sockets"
    folder.mkdir(parents=True)
    leash = Leash(Part("part", ("sleep", "300"), dict(os.environ), remove=(str(folder),)))
    time.sleep(0.2)

    leash.stop()

    assert not folder.parent.exists()


def test_command_that_does_not_exist_is_told_by_name():
    leash = Leash(Part("ghost", ("/no/such/program",), dict(os.environ)), output=subprocess.PIPE)

    said = leash.process.stdout.read().decode()

    assert leash.process.wait() == 127
    assert said.startswith("/no/such/program could not be started:")
    leash.let_go()


def test_leash_needs_no_package_of_the_portal():
    source = Path("portal/local/standalone/leash.py").read_text()

    assert "django" not in source
    assert "from portal" not in source
