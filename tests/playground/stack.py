"""The playground's live processes for tests: web, inference worker, model server, and a Valkey to restart."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis
import requests
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from playground import readiness, streams
from playground.models import Generation, GenerationStatus
from portal.accounts.models import User
from portal.local.parts import Leash
from portal.local.preflight import free_port
from portal.local.valkey import Valkey
from portal.releases.models import Release

ROOT = Path(__file__).resolve().parents[2]
READ_TIMEOUT_SECONDS = 3
CALM_SECONDS = 3


class Stack:
    """Live processes over the test database, with logs in a folder that a failing test may show."""

    def __init__(self, *, worker_threads: int = 64) -> None:
        self.worker_threads = worker_threads
        self.folder = Path(tempfile.mkdtemp(prefix="portal-stack-"))
        self.web_port, self.upstream_port = free_port(), free_port()
        self.upstream_url = f"http://127.0.0.1:{self.upstream_port}"
        # Over its socket, as `manage.py up` has it.
        self.valkey = Valkey(self.folder / "valkey-data", self.folder, is_durable=False)
        database = connection.settings_dict
        self.env = {
            **os.environ,
            "DEBUG": "1",
            "PORTAL_HOME": str(self.folder),
            "DATABASE_URL": _database_url(database),
            "REDIS_URL": self.valkey.url,
            "VLLM_BASE_URL": self.upstream_url,
            "VLLM_READ_TIMEOUT_SECONDS": str(READ_TIMEOUT_SECONDS),
            "PORTAL_URL": f"http://127.0.0.1:{self.web_port}",
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.valkey_leash: Leash | None = None

    def start(self) -> None:
        """Start everything and wait until it answers."""
        self.start_valkey()
        self.start_upstream()
        self.start_web()
        self.start_worker()

    def start_web(self) -> None:
        """Start the web server."""
        self._start(
            "web", "uvicorn", "portal.asgi:application", "--port", str(self.web_port),
            "--timeout-graceful-shutdown", "1", "--log-level", "warning",
        )  # fmt: skip
        wait_for(lambda: _answers(f"http://127.0.0.1:{self.web_port}/healthz"))

    def start_valkey(self) -> None:
        """Start an empty Valkey, always at the same address."""
        self.valkey_leash = Leash(self.valkey.prepare(), output=subprocess.DEVNULL)
        wait_for(self.valkey.answers)

    def stop_valkey(self) -> None:
        """Stop it; what it held is lost."""
        if self.valkey_leash is not None:
            self.valkey_leash.stop()

    def start_upstream(self) -> None:
        """Start the model server."""
        self._start("upstream", "tests.upstream", str(self.upstream_port))
        wait_for(lambda: _answers(f"{self.upstream_url}/health"))

    def start_worker(self) -> None:
        """Start an inference worker and wait until it takes tasks."""
        self._start(
            "worker", "celery", "-A", "portal.celery:app", "worker", "--pool", "threads",
            "-c", str(self.worker_threads),
            "-Q", "inference", "-n", f"inference-{uuid4().hex}@test", "--without-mingle", "--without-gossip",
            "-l", "INFO",
        )  # fmt: skip
        log = self.folder / "worker.log"
        wait_for(lambda: b" ready." in log.read_bytes())

    def mend(self) -> None:
        """Start again what a test before has killed, and forget what was known of the model."""
        if "upstream" not in self.processes:
            self.start_upstream()
        if "worker" not in self.processes:
            self.start_worker()
        with redis.Redis.from_url(self.env["REDIS_URL"]) as valkey:
            valkey.delete(readiness.KEY)

    def calm(self) -> None:
        """Stop what a test left to be written: its workers and who empties the tables block each other."""
        live = Generation.objects.live()
        live.filter(status=GenerationStatus.QUEUED).update(
            status=GenerationStatus.CANCELLED, ended_at=timezone.now()
        )
        with redis.Redis.from_url(self.env["REDIS_URL"]) as valkey:
            until = time.monotonic() + CALM_SECONDS
            while (left := list(live.values_list("pk", flat=True))) and time.monotonic() < until:
                for pk in left:
                    valkey.publish(streams.CANCEL_CHANNEL, str(pk))
                time.sleep(0.1)
        # What a worker looks for behind an answer.
        time.sleep(0.1)

    def kill(self, name: str) -> None:
        """Kill one process as the kernel would for memory."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """Stop everything."""
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.stop_valkey()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, code: str) -> None:
        """Run a statement in a process of its own with this stack's settings."""
        setup = "import django; django.setup(); "
        env = {**self.env, "DJANGO_SETTINGS_MODULE": "portal.settings"}
        subprocess.run([sys.executable, "-c", setup + code], cwd=ROOT, env=env, check=True)

    def upstream_state(self) -> dict[str, Any]:
        """How many requests run at the model server, and how many were broken off."""
        return dict(requests.get(f"{self.upstream_url}/state", timeout=5).json())

    def _start(self, name: str, module: str, *arguments: str) -> None:
        log = (self.folder / f"{name}.log").open("wb")
        command = [sys.executable, "-m", module, *arguments]
        self.processes[name] = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.env,
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent,  # noqa: PLW1509
        )


class Visitor:
    """A person's browser as far as HTTP goes."""

    def __init__(self, stack: Stack, user: User) -> None:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        name = settings.SESSION_COOKIE_NAME
        self.base_url = f"http://127.0.0.1:{stack.web_port}"
        self.session = requests.Session()
        self.session.cookies.set(name, client.cookies[name].value)
        self.user = user

    def send(self, prompt: str, *, release: Release, max_tokens: int = 500) -> Generation:
        """Send a message in a new conversation as a browser without scripts does."""
        page = self.get(f"/playground/?release={release.slug}")
        assert page.status_code == 200, page.text[:500]
        answer = self.post(
            "/playground/send/",
            {
                "token": str(uuid4()),
                "release": release.slug,
                "prompt": prompt,
                "temperature": "0",
                "max_tokens": str(max_tokens),
            },
        )
        assert answer.status_code == 302, answer.text[:500]
        conversation = answer.headers["Location"].rstrip("/").rpartition("/")[2]
        return Generation.objects.get(turn__conversation=conversation)

    def get(self, path: str, **options: Any) -> requests.Response:
        """Open a page."""
        return self.session.get(self.base_url + path, timeout=30, **options)

    def post(self, path: str, data: dict[str, str] | None = None) -> requests.Response:
        """Send a form or press a button."""
        headers = {"X-CSRFToken": self.session.cookies.get("csrftoken") or ""}
        return self.session.post(
            self.base_url + path, data=data, headers=headers, allow_redirects=False, timeout=30
        )

    def events(
        self, generation: Generation, *, last_id: str = "", ticket: str = ""
    ) -> Iterator[dict[str, Any]]:
        """The live stream's events as {id, event, data}."""
        headers = {"Last-Event-ID": last_id} if last_id else {}
        path = f"/playground/generations/{generation.pk}/stream/"
        with self.get(path, headers=headers, params={"ticket": ticket}, stream=True) as told:
            assert told.status_code == 200
            event: dict[str, Any] = {}
            for line in told.iter_lines(chunk_size=1, decode_unicode=True):
                name, _, value = line.partition(": ")
                if not line and "event" in event:
                    yield event
                    event = {}
                elif name in {"id", "event"}:
                    event[name] = value
                elif name == "data":
                    event["data"] = json.loads(value)


def text_of(events: list[dict[str, Any]]) -> str:
    """What a page that follows `events` shows."""
    text = ""
    for event in events:
        if event["event"] == "snapshot":
            text = event["data"]["text"]
        elif event["event"] == "token":
            text += event["data"]["text"]
    return text


def wait_for(is_so: Callable[[], Any], *, seconds: float = 20) -> None:
    """Wait until it is so."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError(f"It did not become so within {seconds} s.")


def ended(generation: Generation, *, seconds: float = 20) -> Generation:
    """The generation once it has ended."""
    wait_for(lambda: not Generation.objects.get(pk=generation.pk).is_live, seconds=seconds)
    return Generation.objects.get(pk=generation.pk)


def _die_with_parent() -> None:
    """Ask Linux to end this process should the test run be killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _database_url(database: dict[str, Any]) -> str:
    password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
    host = str(database["HOST"]).replace("/", "%2F")
    port = f":{database['PORT']}" if database["PORT"] else ""
    return f"postgres://{database['USER']}{password}@{host}{port}/{database['NAME']}"


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False
