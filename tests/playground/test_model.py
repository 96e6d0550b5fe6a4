"""The real vLLM with its real model behind the real worker."""

import json
import time
from itertools import islice

import pytest
import requests

from playground import schemas, templating
from playground.models import Generation, GenerationStatus
from portal.admissions import actions as admissions
from portal.admissions.models import Application
from tests import cast
from tests.playground.stack import ended, text_of, wait_for
from tests.playground.test_insights import ask

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


@pytest.mark.alone
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


@pytest.mark.alone
def test_a_revoked_approval_stops_vllm_within_a_second(ada, ada_visits, release, vllm_url):
    rosa = cast.staff("rosa@example.org", "Reviewers")
    generation = ada_visits.send("Tell a very long story about a ship.", release=release, max_tokens=1000)
    list(islice(ada_visits.events(generation), 4))
    wait_for(lambda: running_requests(vllm_url) == 1, seconds=5)

    admissions.revoke(Application.objects.get(applicant=ada), by=rosa, message="It was abused.")
    began = time.monotonic()
    wait_for(lambda: running_requests(vllm_url) == 0, seconds=5)

    assert time.monotonic() - began < 1
    assert ended(generation).error_code == "approved"


def test_every_setting_and_a_continued_answer_are_understood_by_vllm(ada_visits, release):
    settings = {
        "top_p": "0.9",
        "top_k": "40",
        "min_p": "0.05",
        "presence_penalty": "0.1",
        "frequency_penalty": "0.1",
        "repetition_penalty": "1.05",
        "stop": "zzz",
        "logprobs": "on",
        "top_logprobs": "3",
        "max_tokens": "8",
    }

    first = ask(ada_visits, release, "Count from one to ten.", **settings)
    ada_visits.post(f"/playground/generations/{first.pk}/continue/")
    longer = ended(Generation.objects.latest("queued_at"))
    raw = ask(ada_visits, release, "The capital of France is", **settings, mode="raw")
    read = templating.rendered(first)

    assert "".join(token for token, *_ in first.logprobs) == first.text
    assert all(len(others) >= 3 for *_, others in first.logprobs)
    assert longer.text.startswith(first.text)
    assert len(longer.text) > len(first.text)
    assert 0 < len(raw.logprobs) == raw.completion_tokens <= 8
    assert "Count from one to ten." in read.text
    assert read.text.startswith("<|im_start|>")
    assert read.tokens == first.prompt_tokens


def test_an_answer_by_a_schema_is_of_its_shape_and_a_tool_is_called(ada_visits, release):
    name = {"type": "string", "maxLength": 12}
    schema = {"type": "object", "properties": {"person": name}, "required": ["person"]}
    # Without "strict" vLLM holds nobody to the parameters.
    tool = {"type": "function", "function": {"name": "greet", "strict": True, "parameters": schema}}

    shaped = ask(ada_visits, release, "Name a person.", json_schema=json.dumps(schema), max_tokens="60")
    called = ask(
        ada_visits,
        release,
        "Greet Ada.",
        tools=json.dumps([tool]),
        tool_choice="required",
        max_tokens="80",
    )

    assert schemas.faults(shaped.text, schema) == []
    assert [call["function"]["name"] for call in called.tool_calls][:1] == ["greet"]
    assert schemas.faults(called.tool_calls[0]["function"]["arguments"], schema) == []
