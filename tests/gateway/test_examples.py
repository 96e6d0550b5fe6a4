"""Every example of the page about the API, run against the portal in front of the real model."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from playground.reference.examples import TOPICS, Language
from portal.releases.models import Release
from tests.gateway.examples import require, run_example

pytestmark = [pytest.mark.model, pytest.mark.live]

MODEL = "smollm2-135m-instruct"
# The model makes no embeddings, the batches have a stack of their own in tests/batches, and test_presets
# has a preset.
ELSEWHERE = frozenset({"embeddings", "batch", "presets"})
HERE = [topic.name for topic in TOPICS if topic.name not in ELSEWHERE]
# What each prints when all went well; in JSON, the spaces are the server's own.
SAID = {
    ("curl", "chat"): r'"total_tokens": ?\d+',
    ("curl", "stream"): r'"usage": ?\{[^}]*"total_tokens": ?\d+[\s\S]*data: \[DONE\]',
    ("curl", "tools"): r'"name": ?"weather"',
    ("curl", "structured"): r'\\"mood\\" ?: ?\\"(good|bad)\\"',
    ("curl", "errors"): r'"total_tokens": ?\d+',
    ("curl", "limits"): r"(?i)x-ratelimit-limit-requests: \d+[\s\S]*",
    ("python", "chat"): r"\d+ tokens",
    ("python", "stream"): r"\d+ tokens",
    ("python", "tools"): r"The model asks for the weather in .+\n[\s\S]+",
    ("python", "structured"): r"mood='(good|bad)' stars=[1-5]",
    ("python", "errors"): r"\S+",
    ("python", "limits"): r"x-ratelimit-remaining-requests \d+[\s\S]*\['tiny'\]",
    ("javascript", "chat"): r"\d+ tokens",
    ("javascript", "stream"): r"\d+ tokens",
    ("javascript", "tools"): r"The model asks for the weather in .+\n[\s\S]+",
    ("javascript", "structured"): r"mood: '(good|bad)', stars: [1-5]",
    ("javascript", "errors"): r"\S+",
    ("javascript", "limits"): r"x-ratelimit-remaining-requests \d+[\s\S]*\[ 'tiny' \]",
}


@pytest.fixture
def served(release: Release, vllm_url: str) -> Release:
    """The release, served by the real model."""
    release.backend_url, release.served_model_name = vllm_url, MODEL
    release.save()
    return release


@pytest.mark.parametrize("language", Language)
def test_every_example_runs_and_says_what_it_should(language, portal, key, served, tmp_path):
    require(language)

    def ran(topic: str) -> str:
        done = run_example(
            language,
            topic,
            base_url=f"{portal}/v1",
            model=served.slug,
            key=key.token,
            folder=tmp_path / topic,
        )
        assert done.returncode == 0, f"{topic}: {done.stdout}{done.stderr}"
        return done.stdout

    with ThreadPoolExecutor(len(HERE)) as together:
        said = dict(zip(HERE, together.map(ran, HERE), strict=True))

    for topic in HERE:
        assert re.search(SAID[language.value, topic], said[topic]), f"{topic}: {said[topic]}"


@pytest.mark.parametrize("language", Language)
def test_the_example_of_embeddings_is_told_that_this_model_makes_none(
    language, portal, key, served, tmp_path
):
    require(language)

    done = run_example(
        language,
        "embeddings",
        base_url=f"{portal}/v1",
        model=served.slug,
        key=key.token,
        folder=tmp_path / "embeddings",
    )

    assert "unsupported_by_model" in done.stdout + done.stderr
    if language is Language.CURL:
        assert json.loads(done.stdout)["error"]["type"] == "invalid_request_error"
