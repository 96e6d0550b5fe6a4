"""The gateway in front of the real vLLM."""

import json
import re

import httpx2 as httpx
import openai
import pytest

from portal.releases.models import Release
from tests.gateway.conftest import eventually, recorded, say

pytestmark = [pytest.mark.model, pytest.mark.live]

MODEL = "smollm2-135m-instruct"
# vLLM's own paths beside OpenAI's; each would be a hole.
VLLM_PATHS = (
    "/invocations", "/tokenize", "/detokenize", "/health", "/load", "/ping", "/version", "/metrics/",
    "/server_info", "/v1/responses/resp_1", "/v1/messages/batches", "/v1/score",
    "/v1/rerank", "/v1/audio/transcriptions",
    "/v1/load_lora_adapter",
)  # fmt: skip


@pytest.fixture
def served(release: Release, vllm_url: str) -> Release:
    """The release, served by the real model."""
    release.backend_url, release.served_model_name = vllm_url, MODEL
    release.save()
    return release


def running_requests(vllm_url):
    told = httpx.get(f"{vllm_url}/metrics").text
    found = re.findall(r"^vllm:num_requests_running\S* (\S+)$", told, re.MULTILINE)
    return sum(float(number) for number in found)


def test_the_model_answers_the_real_client(client, served):
    answer = client.chat.completions.create(
        model="tiny", messages=say("Say hello."), max_tokens=12, temperature=0, seed=1
    )

    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens <= 12
    assert answer.model == MODEL


def test_a_stream_says_what_the_answer_says_and_its_usage_is_recorded(client, served, key):
    wish = {"model": "tiny", "messages": say("Count to five."), "max_tokens": 16, "temperature": 0}

    whole = client.chat.completions.create(**wish)
    chunks = list(client.chat.completions.create(**wish, stream=True))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert len(chunks) > 3
    row = recorded(key, requests=2)
    assert row.prompt_tokens_count == 2 * whole.usage.prompt_tokens
    assert row.completion_tokens_count == 2 * whole.usage.completion_tokens


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}])
def test_a_streams_events_are_those_of_vllm(raw, served, vllm_url, options):
    asked = {
        "model": MODEL,
        "messages": say("Say hello."),
        "max_tokens": 12,
        "temperature": 0,
        "stream": True,
    }
    direct = httpx.post(f"{vllm_url}/v1/chat/completions", json=asked | options, timeout=60)

    through = raw.post("/v1/chat/completions", json=asked | options, timeout=60)

    assert read(through.text) == read(direct.text)
    assert through.text.count('"usage"') == len(options)


def read(stream: str) -> tuple[str, set[tuple[str, ...]]]:
    """A stream's words and the shapes of its events; vLLM puts as many words into one as it has by then.

    Its fingerprint stands in the last event, which is another one when the usage is asked for.
    """
    told = [json.loads(event[6:]) for event in stream.split("\n\n") if event.startswith("data: {")]
    words = "".join(one["choices"][0]["delta"].get("content", "") for one in told if one["choices"])
    return words, {tuple(name for name in one if name != "system_fingerprint") for one in told}


def test_a_stream_that_is_broken_off_is_recorded_with_its_prompt(client, served, key):
    stream = client.chat.completions.create(
        model="tiny",
        messages=say("Write a long story."),
        max_tokens=1000,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    for _, _ in zip(range(5), stream, strict=False):
        pass
    stream.close()

    row = recorded(key, requests=1)
    assert row.prompt_tokens_count > 5
    assert 3 <= row.completion_tokens_count <= 20


def test_a_client_that_leaves_stops_the_model(client, served, vllm_url):
    stream = client.chat.completions.create(
        model="tiny",
        messages=say("Write a long story."),
        max_tokens=1000,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    next(iter(stream))
    assert running_requests(vllm_url) == 1

    stream.close()

    eventually(lambda: running_requests(vllm_url) == 0, within_seconds=5)


def test_a_prompt_beyond_the_context_is_told_as_openai_tells_it(client, served):
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="tiny", messages=say("word " * 5000))

    assert refused.value.code == "context_length_exceeded"
    assert "context length" in refused.value.message


def test_a_wrong_parameter_is_told_in_openais_shape(client, served):
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="tiny", messages=say("hi"), temperature=-1)

    assert refused.value.type == "invalid_request_error"
    assert "temperature" in refused.value.message


def test_embeddings_that_the_model_lacks_are_told(client, served):
    with pytest.raises(openai.APIStatusError) as refused:
        client.embeddings.create(model="tiny", input="hello")

    assert refused.value.status_code in {400, 404}
    assert refused.value.type == "invalid_request_error"


def test_no_path_of_vllm_is_open_through_the_portal(portal, key, served):
    headers = {"Authorization": f"Bearer {key.token}"}

    for path in VLLM_PATHS:
        for method in ("GET", "POST"):
            answer = httpx.request(
                method, f"{portal}{path}", headers=headers, json={"model": "tiny", "prompt": "x"}
            )

            assert answer.status_code in {403, 404}, path
