"""The real services behind the tests, as a pytest plugin: PostgreSQL and Valkey, vLLM, and a whole portal.

Loaded with `-p tests.services`, before Django's settings are. Each service is replaced by a real one when its
variable is set: DATABASE_URL, REDIS_URL, VLLM_BASE_URL; only the whole portal always runs parts of its own.
Everything is on a leash: a run that is killed leaves nothing behind.
"""

import fcntl
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from portal.local import preflight
from portal.local.parts import BASE_DIR, Leash, Part
from portal.local.postgres import Postgres
from portal.local.valkey import Valkey
from portal.local.vllm import Vllm, cache_folder
from tests import turns

# Names the folder that the processes of one test run share.
RUN_FOLDER = "PORTAL_TEST_RUN"
# Names the program that writes databases of the embedded PostgreSQL down.
PG_DUMP = "PORTAL_TEST_PG_DUMP"
START_SECONDS = 30
# From nothing: installing, converting and starting vLLM on a slow network.
MODEL_SECONDS = 1500


class Run:
    """One test run: its folder, and the leashes that this process holds."""

    def __init__(self) -> None:
        self.is_controller = "PYTEST_XDIST_WORKER" not in os.environ
        self.leashes: list[Leash] = []
        if self.is_controller:
            os.environ[RUN_FOLDER] = tempfile.mkdtemp(prefix="portal-tests-")
            # Neither the data nor the running parts of a developer's own portal may reach a test.
            os.environ["PORTAL_HOME"] = os.environ[RUN_FOLDER] + "/home"
            # Processes with a home of their own read the same database, and so need the keys that sign in it.
            os.environ["STATEMENT_KEYS"] = os.environ["PORTAL_HOME"] + "/keys/statements"
            os.environ.setdefault("DEBUG", "1")
        self.folder = Path(os.environ[RUN_FOLDER])
        self.fifo = self.folder / "leash"
        self.holder = -1

    def start(self) -> None:
        """Start PostgreSQL and Valkey unless they are given; give each xdist worker a Valkey database."""
        if not self.is_controller:
            number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) + 1
            if "PORTAL_TEST_VALKEY" in os.environ:
                os.environ["REDIS_URL"] = f"{os.environ['PORTAL_TEST_VALKEY']}/{number}"
            return
        os.mkfifo(self.fifo, 0o600)
        self.holder = os.open(self.fifo, os.O_RDWR | os.O_CLOEXEC)
        if not os.environ.get("DATABASE_URL"):
            self._start_postgres()
        if not os.environ.get("REDIS_URL"):
            self._start_valkey()

    def stop(self) -> None:
        """Stop what this process holds and wait until it is gone."""
        if self.holder >= 0:
            os.close(self.holder)
            # vLLM's leash holds this lock, whichever process started it.
            with (self.folder / "vllm.alive").open("w") as alive:
                fcntl.flock(alive, fcntl.LOCK_EX)
        for leash in reversed(self.leashes):
            leash.let_go()
        for leash in self.leashes:
            leash.process.wait()
        if self.is_controller:
            shutil.rmtree(self.folder, ignore_errors=True)

    def hold(self, part: Part) -> Leash:
        """Start `part`, to be stopped at the end of the run."""
        leash = Leash(part, output=subprocess.DEVNULL)
        self.leashes.append(leash)
        return leash

    def _start_postgres(self) -> None:
        data = self.folder / "postgres-data"
        postgres = Postgres(
            data,
            self.folder,
            port=preflight.free_port(),
            password=secrets.token_hex(16),
            is_durable=False,
        )
        part = postgres.prepare()
        self.hold(replace(part, remove=(*part.remove, str(self.folder))))
        wait_until(postgres.answers, "PostgreSQL")
        postgres.create_database()
        os.environ["DATABASE_URL"] = postgres.url
        os.environ[PG_DUMP] = str(postgres.binaries / "pg_dump")

    def _start_valkey(self) -> None:
        data = self.folder / "valkey-data"
        valkey = Valkey(
            data, self.folder, port=preflight.free_port(), password=secrets.token_hex(16), is_durable=False
        )
        part = valkey.prepare()
        self.hold(replace(part, remove=(*part.remove, str(self.folder))))
        wait_until(valkey.answers, "Valkey")
        os.environ["REDIS_URL"] = valkey.url
        os.environ["PORTAL_TEST_VALKEY"] = valkey.url.rpartition("/")[0]


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Have the services' addresses in the environment before pytest-django loads the settings."""
    run = Run()
    early_config.stash[RUN] = run
    early_config.add_cleanup(run.stop)
    run.start()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[object]:
    """Run each test in its turn, with what it sets up and tears down."""
    folder = Path(os.environ.get(turns.FOLDER) or os.environ[RUN_FOLDER])
    with turns.turn(folder, is_alone=item.get_closest_marker("alone") is not None):
        return (yield)


RUN = pytest.StashKey[Run]()


def wait_until(is_so: Callable[[], bool], what: str, *, seconds: float = START_SECONDS) -> None:
    """Wait until it is so, or fail loudly."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not answer within {seconds:.0f} s.")
        time.sleep(0.02)


@pytest.fixture(scope="session")
def vllm_installation() -> Vllm:
    """An installed vLLM with its model's files, prepared on first use."""
    vllm = Vllm(cache_folder(), preflight.free_port())
    if reason := preflight.why_no_model(features=preflight.cpu_features()):
        pytest.fail(f"THE MODEL'S TESTS CANNOT RUN HERE: {reason}")
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not vllm.is_installed:
            _do(vllm.installing())
        if not vllm.is_converted:
            _do(vllm.converting())
    return vllm


@pytest.fixture(scope="session")
def vllm_url(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> str:
    """The address of a real vLLM with the model `smollm2-135m-instruct`, started once a run."""
    if given := os.environ.get("VLLM_BASE_URL"):
        return given.rstrip("/")
    vllm: Vllm = request.getfixturevalue("vllm_installation")
    run = pytestconfig.stash[RUN]
    address = run.folder / "vllm.url"
    with (run.folder / "vllm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not address.exists():
            _serve(vllm, run)
            address.write_text(vllm.url)
    return address.read_text()


def _serve(vllm: Vllm, run: Run) -> None:
    log = run.folder / "vllm.log"
    with log.open("wb") as output, (run.folder / "vllm.alive").open("w") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        leash = Leash(vllm.serving(), output=output, keep=(alive.fileno(),), fifo=run.fifo)
    # The controller holds the leash from here on; this process may be a worker that ends before another.
    leash.let_go()
    deadline = time.monotonic() + MODEL_SECONDS
    while not vllm.answers():
        if leash.process.poll() is not None or time.monotonic() > deadline:
            pytest.fail("VLLM DID NOT START:\n" + log.read_text(errors="replace")[-4000:])
        time.sleep(0.2)


def _do(part: Part) -> None:
    """Run one job to its end; its last lines are the reason if it fails."""
    leash = Leash(part, output=subprocess.PIPE)
    assert leash.process.stdout is not None
    said = leash.process.stdout.read().decode(errors="replace")
    if leash.process.wait() != 0:
        pytest.fail("THE MODEL COULD NOT BE PREPARED: " + said[-2000:])


@dataclass(frozen=True)
class LivePortal:
    """A running portal: every process that `make run` starts, on data of its own."""

    url: str
    home: Path
    env: dict[str, str]
    leash: Leash

    @property
    def model_directory(self) -> Path:
        """The files that vLLM has loaded: those that it downloaded from this very portal."""
        return next(self.home.glob("model/huggingface/hub/models--*/snapshots/*"))

    def manage(self, *arguments: str) -> str:
        """Run a command of manage.py as a second terminal would; what it says."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def live_portal(vllm_installation: Vllm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePortal]:
    """`manage.py up` with the demonstration data, and its own vLLM serving what the portal gave it."""
    home = tmp_path_factory.mktemp("portal-home")
    port = preflight.free_port()
    left_out = {
        *("DATABASE_URL", "REDIS_URL", "PORTAL_URL", "SECRET_KEY", "KEY_PEPPER", "DEBUG"),
        *("VLLM_BASE_URL", "VLLM_API_KEY"),
    }
    env = {name: value for name, value in os.environ.items() if name not in left_out}
    env |= {"PORTAL_HOME": str(home), "PORT": str(port), "DEBUG": "1"}
    env |= {"PORTAL_CACHE": str(vllm_installation.cache)}
    part = Part("up", (sys.executable, "manage.py", "up"), env, grace_seconds=20)
    leash = Leash(part, output=subprocess.PIPE)
    portal = LivePortal(f"http://127.0.0.1:{port}", home, env, leash)
    try:
        _wait_for_ready_line(portal)
        _wait_for_the_model(home / "log" / "portal.log")
        yield portal
    finally:
        leash.stop()


def _wait_for_the_model(log: Path) -> None:
    deadline = time.monotonic() + MODEL_SECONDS
    while "The model answers after" not in (said := log.read_text(errors="replace")):
        is_refused = "it is asked again" in said or "The portal runs without its model" in said
        if is_refused or time.monotonic() > deadline:
            pytest.fail("THE MODEL WAS NOT SERVED:\n" + said[-4000:])
        time.sleep(0.5)


def _wait_for_ready_line(portal: LivePortal) -> None:
    """Read what `up` says until it is ready; later lines are in its log file."""
    output = portal.leash.process.stdout
    assert output is not None
    said = []
    for line in iter(output.readline, b""):
        said.append(line.decode(errors="replace"))
        if said[-1] == f"Portal is ready at {portal.url}\n":
            # Nobody reads on; `up` survives a terminal that goes away.
            output.close()
            return
    pytest.fail("THE PORTAL DID NOT START:\n" + "".join(said)[-4000:])
