"""The real client through the gateway: answers, streams, usage, and bytes that stay as they are."""

import json
import time

import pytest

from tests.gateway.conftest import recorded, say


def test_ada_gets_an_answer(client):
    answer = client.chat.completions.create(model="tiny", messages=say("words=3"))

    assert answer.choices[0].message.content == "w0 w1 w2"
    assert answer.usage.completion_tokens == 3
    assert answer._request_id.startswith("req_")


def test_ada_gets_a_stream_without_the_usage_that_she_did_not_ask_for(client):
    chunks = list(client.chat.completions.create(model="tiny", messages=say("words=3"), stream=True))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == 'w0 "usage": {} w1 "usage": {} w2 "usage": {} '
    assert [chunk.usage for chunk in chunks if chunk.usage] == []


def test_ada_gets_the_usage_that_she_asked_for(client):
    chunks = list(
        client.chat.completions.create(
            model="tiny", messages=say("words=3"), stream=True, stream_options={"include_usage": True}
        )
    )

    assert [chunk.usage.completion_tokens for chunk in chunks if chunk.usage] == [3]


def test_a_stream_arrives_as_it_is_written(client):
    began = time.monotonic()
    stream = client.chat.completions.create(model="tiny", messages=say("words=5 pause=0.3"), stream=True)

    arrived = [time.monotonic() - began for _ in stream]

    # The role, five words and the end; 1.5 s lie between the first and the last.
    assert len(arrived) == 7
    assert arrived[0] < 1
    assert arrived[-1] - arrived[0] > 1.2


def test_legacy_completions_pass_too(client):
    assert client.completions.create(model="tiny", prompt="words=2").usage.completion_tokens == 2


@pytest.mark.parametrize("name", ["tiny", "open-weights/tiny", "tiny-served"])
def test_a_release_answers_to_each_of_its_names(client, state, name):
    client.chat.completions.create(model=name, messages=say("hello"))

    assert json.loads(state()["seen"][-1]["body"])["model"] == "tiny-served"


def test_a_body_with_the_served_name_passes_byte_for_byte_behind_the_salt(raw, state):
    body = '{ "model":"tiny-served",  "messages":[{"role":"user","content":"h\\u00e9llo ✓"}], "x": 1.0e2 }'

    answer = raw.post(
        "/v1/chat/completions", content=body.encode(), headers={"Content-Type": "application/json"}
    )

    sent = state()["seen"][-1]["body"]
    assert answer.status_code == 200
    assert sent.endswith(body.removeprefix("{"))
    assert json.loads(sent).keys() - json.loads(body).keys() == {"cache_salt"}


def test_unknown_fields_survive_a_rewritten_model(client, state):
    client.chat.completions.create(
        model="tiny", messages=say("hé ✓"), extra_body={"top_k": 3, "x": {"y": [1.5]}}
    )

    sent = json.loads(state()["seen"][-1]["body"])
    assert (sent["top_k"], sent["x"], sent["messages"][0]["content"]) == (3, {"y": [1.5]}, "hé ✓")


def test_the_model_server_never_sees_the_key(client, key, state):
    client.chat.completions.create(model="tiny", messages=say("hello"))

    seen = state()["seen"][-1]
    assert key.token not in json.dumps(seen)
    assert seen["headers"]["x-request-id"].startswith("req_")


def test_the_models_of_ada_are_listed(client, release):
    models = list(client.models.list())

    assert [model.id for model in models] == ["tiny"]
    assert client.models.retrieve("tiny").id == "tiny"
    assert client.models.retrieve("open-weights/tiny").id == "tiny"
    assert models[0].created == int(release.created_at.timestamp())


def test_usage_is_recorded_whether_streamed_or_not(client, key):
    client.chat.completions.create(model="tiny", messages=say("words=3"))
    list(client.chat.completions.create(model="tiny", messages=say("words=4"), stream=True))

    row = recorded(key, requests=2)
    assert (row.prompt_tokens_count, row.completion_tokens_count, row.failures_count) == (14, 7, 0)


def test_every_answer_carries_its_id_and_the_limits(raw):
    answer = raw.get("/v1/models")

    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["x-ratelimit-limit-requests"] == "600"
    assert answer.headers["x-ratelimit-remaining-requests"] == "599"
    assert answer.headers["x-ratelimit-reset-requests"] == "100ms"
