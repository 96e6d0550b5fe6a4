"""Several model servers for one release: the gateway before the real vllm-router before two real vLLMs."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import pytest

from playground import counting, probing, readiness, serving
from playground.gateway import reserving
from playground.serving import Backend
from portal.local import preflight
from portal.local.parts import Leash
from portal.local.vllm import Vllm
from portal.releases.models import Release
from tests.environments import environment
from tests.gateway.conftest import eventually, recorded, say

pytestmark = [pytest.mark.model, pytest.mark.live, pytest.mark.timeout(240)]

MODEL = "smollm2-135m-instruct"
START_SECONDS = 200


@dataclass(frozen=True)
class Fleet:
    """Two vLLMs and the router before them."""

    router: str
    servers: tuple[str, str]
    second: Leash

    def running(self) -> float:
        """How many requests both work on, as they say themselves."""
        return sum(metric(url, "num_requests_running") for url in self.servers)

    def finished(self) -> list[float]:
        """How many requests each has finished."""
        return [metric(url, "request_success_total") for url in self.servers]


def metric(url: str, name: str) -> float:
    """A number of one vLLM, added up over its labels."""
    # Two of them on two cores answer late while one of them writes.
    told = httpx.get(f"{url}/metrics", timeout=40).text
    found = re.findall(rf"^vllm:{name}\S* (\S+)$", told, re.MULTILINE)
    return sum(float(number) for number in found)


@pytest.fixture(scope="module")
def fleet(
    vllm_url: str, vllm_installation: Vllm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """The run's own vLLM, a second one, and the router as docs/operations.md starts it."""
    folder = tmp_path_factory.mktemp("router")
    second = Vllm(vllm_installation.cache, preflight.free_port())
    with (folder / "vllm.log").open("wb") as output:
        leash = Leash(second.serving(), output=output)
    try:
        until = time.monotonic() + START_SECONDS
        while not second.answers():
            assert leash.process.poll() is None, (folder / "vllm.log").read_text(errors="replace")[-3000:]
            assert time.monotonic() < until, "The second vLLM did not start."
            time.sleep(0.2)
        with routing(vllm_url, second.url, log=folder / "router.log") as address:
            yield Fleet(address, (vllm_url, second.url), leash)
    finally:
        leash.stop()


@contextmanager
def routing(*servers: str, log: Path) -> Iterator[str]:
    """The real vllm-router before `servers`; gives its address."""
    port = preflight.free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        *(str(environment("router").command("vllm-router")), "--host", "127.0.0.1", "--port", str(port)),
        *("--worker-urls", *servers, "--policy", "round_robin", "--log-level", "warning"),
        *("--health-check-interval-secs", "1", "--health-failure-threshold", "1"),
        *("--prometheus-port", str(preflight.free_port())),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: is_up(address), within_seconds=60)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=15)


def is_up(address: str) -> bool:
    """Whether the router takes requests."""
    try:
        return httpx.get(f"{address}/health", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def served(release: Release, fleet: Fleet) -> Release:
    """The release, whose backend is the router."""
    release.backend_url, release.served_model_name = fleet.router, MODEL
    release.save()
    return release


def test_answers_come_from_both_and_are_vllms_own(client, raw, served, fleet):
    before = fleet.finished()
    asked = {"messages": say("Say hello."), "max_tokens": 8, "temperature": 0}

    answers = [client.chat.completions.create(model="tiny", **asked) for _ in range(4)]
    stream = "".join(
        chunk.choices[0].delta.content or ""
        for chunk in client.chat.completions.create(model="tiny", **asked, stream=True)
    )
    direct = httpx.post(f"{fleet.servers[0]}/v1/chat/completions", json={"model": MODEL, **asked}, timeout=60)

    assert {answer.choices[0].message.content for answer in answers} == {stream}
    assert stream == direct.json()["choices"][0]["message"]["content"]
    through = raw.post("/v1/chat/completions", json={"model": "tiny", **asked}, timeout=60).json()
    assert through.keys() == direct.json().keys()
    assert through["usage"] == direct.json()["usage"]
    assert all(later - earlier >= 2 for earlier, later in zip(before, fleet.finished(), strict=True))


def test_health_context_and_tokens_are_told_through_the_router(served, fleet):
    url = fleet.router

    assert reserving.context_tokens(url, api_key="", model=MODEL, otherwise=7) == 2048
    asked = {"model": MODEL, "messages": say("hello"), "max_tokens": 5}
    count = counting.count(counting.Question(asked, serving.backend_of(served)))
    assert (count.answer, count.context) == (5, 2048)
    assert 5 < count.prompt < 60
    assert serving.backend_of(served) == Backend(url)
    probing.probe()
    assert readiness.status_of(served).is_ready


def test_a_client_that_leaves_stops_the_model_behind_the_router(client, served, fleet, key):
    stream = client.chat.completions.create(
        model="tiny",
        messages=say("Write a long story."),
        max_tokens=1000,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    next(iter(stream))
    eventually(lambda: fleet.running() == 1, within_seconds=30)

    stream.close()

    eventually(lambda: fleet.running() == 0, within_seconds=5)
    recorded(key, requests=1)


# The last, since it takes one of them away.
def test_one_that_dies_is_missed_by_nobody_for_long(client, served, fleet):
    asked = {"model": "tiny", "messages": say("Say hello."), "max_tokens": 4}

    fleet.second.stop()
    eventually(lambda: not is_up(fleet.servers[1]), within_seconds=10)
    time.sleep(3)
    answers = [client.chat.completions.create(**asked) for _ in range(6)]

    assert all(answer.usage.completion_tokens for answer in answers)
