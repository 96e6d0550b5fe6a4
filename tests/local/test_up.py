"""`manage.py up` as a person meets it: a ready line, a stop that leaves nothing, a sentence on failure."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from portal.local import preflight
from portal.local.home import read_env
from portal.local.parts import BASE_DIR
from tests.local.conftest import processes_with
from tests.services import wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]
# Parts that the tests' own services would otherwise replace.
OWN = ("DATABASE_URL", "REDIS_URL", "PORTAL_URL", "SECRET_KEY", "KEY_PEPPER")


@dataclass
class Up:
    """A running `manage.py up`."""

    process: "subprocess.Popen[str]"
    home: Path
    port: int
    said: list[str]

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.port}"

    def wait_for_line(self, line: str) -> None:
        """Read what it says up to `line`."""
        for read in iter(self.process.stdout.readline, ""):
            self.said.append(read)
            if read == line + "\n":
                return
        pytest.fail("It ended:\n" + "".join(self.said))

    def left(self) -> list[int]:
        """What still runs of it."""
        return processes_with(f"PORTAL_HOME={self.home}\0")


def start(home: Path, port: int, **changes: str) -> Up:
    """Start it with a model server that is nowhere."""
    env = {name: value for name, value in os.environ.items() if name not in OWN}
    env |= {"PORTAL_HOME": str(home), "PORT": str(port), "VLLM_BASE_URL": "http://127.0.0.1:9", **changes}
    command = [sys.executable, "manage.py", "up"]
    process = subprocess.Popen(
        command, cwd=BASE_DIR, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return Up(process, home, port, [])


@pytest.fixture
def up(tmp_path) -> Iterator[Callable[..., Up]]:
    """Starts portals and stops what a failing test leaves of them."""
    started: list[Up] = []

    def go(**changes: str) -> Up:
        started.append(start(tmp_path / "home", preflight.free_port(), **changes))
        return started[-1]

    yield go
    for one in started:
        one.process.kill()
        one.process.wait()
        one.process.stdout.close()
    for one in started:
        wait_until(lambda one=one: not one.left(), "The end of every process", seconds=15)


def test_person_stops_the_portal_with_ctrl_c_and_starts_it_again_with_the_same_data(up):
    first = up()
    first.wait_for_line(f"Portal is ready at {first.url}")
    with urllib.request.urlopen(f"{first.url}/") as page:
        assert page.status == 200
    services = read_env(first.home / "run" / "services.env")
    assert services["PORTAL_URL"] == first.url
    assert (first.home / "run" / "services.env").stat().st_mode & 0o777 == 0o600
    signing_key = first.home / "keys" / "signing.pem"
    assert signing_key.stat().st_mode & 0o777 == 0o600
    secret = signing_key.read_bytes()

    began = time.monotonic()
    first.process.send_signal(signal.SIGINT)

    assert first.process.wait(timeout=15) == 0
    assert time.monotonic() - began < 12
    assert first.left() == []
    assert not (first.home / "run" / "services.env").exists()
    assert first.process.stdout.read().splitlines()[-1] == "The portal has stopped."

    second = up()
    second.wait_for_line(f"Portal is ready at {second.url}")
    assert not [line for line in second.said if line.startswith("setup")]
    assert signing_key.read_bytes() == secret
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(timeout=15) == 0
    assert second.left() == []


def test_killed_supervisor_leaves_no_process_and_no_sockets(up):
    killed = up()
    killed.wait_for_line(f"Portal is ready at {killed.url}")
    sockets = Path(
        read_env(killed.home / "run" / "services.env")["REDIS_URL"].removeprefix("unix://")
    ).parents[1]
    assert sockets.is_dir()

    killed.process.kill()
    killed.process.wait()

    wait_until(lambda: not killed.left(), "The end of every process", seconds=15)
    wait_until(lambda: not sockets.exists(), "The end of the sockets", seconds=5)

    again = up()
    again.wait_for_line(f"Portal is ready at {again.url}")


def test_crashed_web_server_is_started_again(up):
    running = up()
    running.wait_for_line(f"Portal is ready at {running.url}")
    web = [
        number
        for number in running.left()
        if b"uvicorn" in Path(f"/proc/{number}/cmdline").read_bytes()
        and b"leash.py" not in Path(f"/proc/{number}/cmdline").read_bytes()
    ]

    os.kill(web[0], signal.SIGKILL)

    again = next(line for line in iter(running.process.stdout.readline, "") if line.startswith("web"))
    assert again.startswith("web      | It was ended by SIGKILL")
    wait_until(lambda: _answers(f"{running.url}/healthz"), "The web server", seconds=30)


def test_port_in_use_is_one_sentence_and_a_status(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = start(tmp_path / "home", taken.getsockname()[1])
        said, _ = refused.process.communicate(timeout=30)

    assert refused.process.returncode == 1
    assert said == (
        f"Port {refused.port} is in use by another program: stop that program, or choose another port, "
        f"for example `PORT={refused.port + 1} make run`.\n"
    )


def test_database_that_does_not_answer_is_one_sentence_and_a_status(tmp_path):
    refused = start(
        tmp_path / "home", preflight.free_port(), DATABASE_URL="postgres://portal@127.0.0.1:9/portal"
    )
    said, _ = refused.process.communicate(timeout=30)

    assert refused.process.returncode == 1
    assert said.splitlines()[-1].startswith("What DATABASE_URL names does not answer (connection failed")
    assert said.splitlines()[-1].endswith("start it or mend DATABASE_URL.")
    assert "Traceback" not in said


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False
