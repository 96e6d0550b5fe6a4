"""The real vLLM with its real model behind the real worker."""

import time
from itertools import islice

import pytest
import requests

from playground.models import GenerationStatus
from tests.playground.stack import ended, text_of, wait_for

pytestmark = [pytest.mark.live, pytest.mark.model, pytest.mark.timeout(180)]


@pytest.fixture
def release(release, vllm_url):
    """The release that vLLM serves."""
    release.served_model_name = "smollm2-135m-instruct"
    release.backend_url = vllm_url
    release.save()
    return release


def running_requests(vllm_url: str) -> float:
    """What vLLM itself says."""
    lines = requests.get(f"{vllm_url}/metrics", timeout=10).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("vllm:num_requests_running{"))


def test_the_models_real_answer_comes_in_pieces(ada_visits, release):
    generation = ada_visits.send("Write two sentences about the sea.", release=release, max_tokens=60)

    events = list(ada_visits.events(generation))

    done = ended(generation, seconds=60)
    assert done.status == GenerationStatus.DONE
    assert len([event for event in events if event["event"] == "token"]) > 3
    assert text_of(events) == done.text
    assert len(done.text.split()) > 5
    assert done.finish_reason in {"stop", "length"}
    assert 20 < done.prompt_tokens < 100
    assert 5 < done.completion_tokens <= 60


def test_a_stopped_answer_stops_in_vllm_within_a_second(ada_visits, release, vllm_url):
    generation = ada_visits.send("Tell a very long story about a ship.", release=release, max_tokens=1000)
    list(islice(ada_visits.events(generation), 4))
    wait_for(lambda: running_requests(vllm_url) == 1, seconds=5)

    ada_visits.post(f"/playground/generations/{generation.pk}/cancel/")
    began = time.monotonic()
    wait_for(lambda: running_requests(vllm_url) == 0, seconds=5)

    assert time.monotonic() - began < 1
    stopped = ended(generation)
    assert stopped.status == GenerationStatus.CANCELLED
    assert stopped.text
    assert 0 < stopped.completion_tokens < 1000


def test_a_prompt_beyond_the_real_context_is_told_by_how_much(ada_visits, release):
    failed = ended(ada_visits.send("word " * 3000, release=release))

    assert failed.error_code == "prompt_too_long"
    assert "holds 2,048 together with its answer" in failed.error_sentence
    assert "too many" in failed.error_sentence
