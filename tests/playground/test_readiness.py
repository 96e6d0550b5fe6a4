"""Whether the model answers: what the supervisor wrote, what the probe sees, and what the banner says."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from playground import probing, readiness, streams
from portal.local.preflight import free_port


@pytest.fixture
def known(settings) -> Iterator[Any]:
    """The state in Valkey, removed afterwards; the model server of this test is nobody's."""
    settings.VLLM_BASE_URL = f"http://127.0.0.1:{free_port()}"
    before = streams.client().get(readiness.KEY)
    streams.client().delete(readiness.KEY)

    def write(
        state: str, *, ago: float = 42, checked_ago: float | None = None, detail: str = "It says so."
    ) -> None:
        now = time.time()
        facts = {"state": state, "since": now - ago, "detail": detail}
        if checked_ago is not None:
            facts["checked_at"] = now - checked_ago
        streams.client().set(readiness.KEY, json.dumps(facts))

    yield write
    streams.client().delete(readiness.KEY)
    if before:
        streams.client().set(readiness.KEY, before)


@pytest.mark.parametrize("state", readiness.LOADING)
def test_the_banner_tells_how_long_the_model_loads_and_asks_again(as_ada, release, known, state):
    known(state)

    page = as_ada.get(reverse("playground_model_status", args=[release.slug])).text

    assert "The model is loading:" in page
    assert re.search(r"4\d s so far", page)
    assert 'hx-trigger="every 2s"' in page
    assert "<html" not in page


def test_the_banner_tells_how_far_the_weights_have_come(as_ada, release, known):
    known("downloading", detail="41% of 273 MB")

    page = as_ada.get(reverse("playground_model_status", args=[release.slug])).text

    words = r"The model is loading: being downloaded from the portal \(41% of 273 MB\), 4\d s so far\."
    assert re.search(words, page)


@pytest.mark.parametrize(
    ("state", "words"),
    [("failed", "could not be started. It says so."), ("away", r"has not answered for 4\d s")],
)
def test_the_banner_tells_that_the_model_is_away(as_ada, release, known, state, words):
    known(state)

    assert re.search(words, as_ada.get("/playground/").text)


def test_a_probe_that_stopped_looking_is_not_believed(release, known):
    known("ready", checked_ago=readiness.STALE_SECONDS + 5)

    assert readiness.status_of(release).state == "unknown"


@pytest.mark.parametrize("state", [*readiness.LOADING, "failed"])
def test_the_supervisors_word_stands_until_the_server_answers(release, known, state):
    known(state)

    assert probing.probe() is False

    assert readiness.status_of(release).state == state


def test_a_server_that_stopped_answering_is_away_at_once(release, known):
    known("ready", checked_ago=1)

    probing.probe()

    assert (readiness.status_of(release).state, readiness.status_of(release).seconds) == ("away", 0)


def test_nothing_written_and_nobody_there_is_away(release, known):
    probing.probe()

    assert readiness.status_of(release).state == "away"


def test_the_portals_key_goes_to_the_portals_server_only(release, settings):
    settings.VLLM_BASE_URL, settings.VLLM_API_KEY = "http://own", "secret"
    own = readiness.backend_of(release)
    release.backend_url = "http://other/"
    other = readiness.backend_of(release)

    assert (own.base_url, own.api_key) == ("http://own", "secret")
    assert (other.base_url, other.api_key) == ("http://other", "")
