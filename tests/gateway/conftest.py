"""A running portal in front of a small model server, and Ada's key to it."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from openai import OpenAI

from portal.accounts.models import User
from portal.keys import actions, usage
from portal.keys.actions import CreatedKey
from portal.keys.models import DailyUsage, Scope
from portal.local.valkey import Valkey
from portal.releases.models import Release
from tests.gateway import processes


@pytest.fixture(scope="session")
def portal_log(tmp_path_factory) -> Path:
    """The file to which the running portal writes its log."""
    return tmp_path_factory.mktemp("portal") / "log"


@pytest.fixture(scope="session")
def portal(django_db_setup, portal_log: Path) -> Iterator[str]:
    """The address of a running portal."""
    with processes.portal(
        log=portal_log, PORTAL_URL="http://portal.example.org", LOG_LEVEL="DEBUG"
    ) as address:
        yield address


@pytest.fixture(scope="session")
def upstream_url() -> Iterator[str]:
    """The address of a running model server."""
    with processes.upstream() as address:
        yield address


@pytest.fixture
def _on_disk(transactional_db) -> None:
    """What a test writes can be seen by another process."""


@pytest.fixture
def release(_on_disk, release: Release, upstream_url: str) -> Release:
    """An open release, served by the small model server under a name of its own."""
    release.backend_url = upstream_url
    release.served_model_name = "tiny-served"
    release.save()
    return release


@pytest.fixture
def key(ada: User) -> CreatedKey:
    """Ada's key for calls."""
    return actions.create(ada, name="calls", scopes=[Scope.INFERENCE], by=ada)


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    """A Valkey of this test's own that keeps nothing, over a socket; its path must be short."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Valkey(Path(folder) / "data", Path(folder), is_durable=False)


@pytest.fixture
def client(portal: str, key: CreatedKey) -> Iterator[OpenAI]:
    """The real client with Ada's key, that tries nothing twice."""
    with OpenAI(base_url=f"{portal}/v1", api_key=key.token, max_retries=0, timeout=20) as made:
        yield made


@pytest.fixture
def raw(portal: str, key: CreatedKey) -> Iterator[httpx.Client]:
    """A plain HTTP client with Ada's key."""
    with httpx.Client(base_url=portal, headers={"Authorization": f"Bearer {key.token}"}, timeout=20) as made:
        yield made


@pytest.fixture
def state(upstream_url: str) -> Callable[[], dict[str, Any]]:
    """What the model server has seen since the test began."""

    def now() -> dict[str, Any]:
        return httpx.get(f"{upstream_url}/state").json()

    before = now()

    def since() -> dict[str, Any]:
        told = now()
        return {
            "seen": told["seen"][len(before["seen"]) :],
            "aborted": told["aborted"] - before["aborted"],
            "running": told["running"],
            "said": told["said"] - before["said"],
        }

    return since


def eventually(claim: Callable[[], bool], *, within_seconds: float) -> float:
    """Wait until `claim` holds; return how long it took."""
    began = time.monotonic()
    while not claim():
        assert time.monotonic() - began < within_seconds, "It did not come true in time."
        time.sleep(0.02)
    return time.monotonic() - began


def recorded(key: CreatedKey, *, requests: int) -> DailyUsage:
    """The use of the key today, once that many requests of it are recorded."""
    rows = DailyUsage.objects.filter(key=key.key)

    def are_recorded() -> bool:
        # What a test before has left behind may come first.
        usage.record_new()
        return rows.filter(requests_count=requests).exists()

    eventually(are_recorded, within_seconds=5)
    return rows.get()


def say(text: str) -> list[dict[str, str]]:
    """A conversation of one message."""
    return [{"role": "user", "content": text}]
