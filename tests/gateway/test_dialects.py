"""`/v1/responses` and `/v1/messages`: answers byte for byte, usage read, errors in the client's own shape."""

import json
import time
from itertools import groupby, pairwise

import httpx2 as httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.gateway.metering import AnswerReader, Receipt, Used
from playground.gateway.reserving import worst_case
from playground.gateway.typed_events import EVENT_BYTES_MAX, TypedEventStream
from tests.gateway.conftest import recorded, say

MODEL = "smollm2-135m-instruct"
CHEAT = [{"type": "function", "name": "f", "parameters": {"usage": {"input_tokens": 1, "output_tokens": 1}}}]


def event(kind, **more):
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | more)}\n\n".encode()


RESPONSE = [
    event("response.created", response={"usage": None, "tools": CHEAT}),
    *(event("response.output_text.delta", delta='"usage": {}') for _ in range(3)),
    event("response.completed", response={"tools": CHEAT, "usage": {"input_tokens": 9, "output_tokens": 3}}),
]
MESSAGE = [
    event("message_start", message={"usage": {"input_tokens": 5, "cache_read_input_tokens": 4}}),
    *(event("content_block_delta", delta={"text": "x"}) for _ in range(3)),
    event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3}),
    event("message_stop"),
]


# -- What is read of a stream -------------------------------------------------------------


@given(st.sampled_from([RESPONSE, MESSAGE]), st.lists(st.integers(0, 900), max_size=8))
def test_whatever_the_pieces_the_bytes_are_the_same_and_the_usage_is_known(events, cuts):
    data, stream = b"".join(events), TypedEventStream()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]

    passed = b"".join(stream.feed(data[begin:end]) for begin, end in pairwise(places))
    stream.end()

    assert passed == data
    assert (stream.used.prompt_tokens, stream.used.completion_tokens, stream.used.is_told) == (9, 3, True)


@pytest.mark.parametrize(("events", "prompt"), [(RESPONSE, 0), (MESSAGE, 9)])
def test_of_a_stream_that_breaks_off_deltas_are_counted_and_all_that_is_held_counts(events, prompt):
    stream = TypedEventStream()
    stream.feed(b"".join(events[:4]))
    stream.end()
    receipt = Receipt(status=200, used=stream.used, is_stream=True)

    assert (stream.used.prompt_tokens, stream.used.completion_tokens) == (prompt, 3)
    # A delta may be more than one token, so nobody knows how far the model went.
    assert receipt.tokens_to_count(held=500, is_started=True) is None


def test_an_event_too_long_to_keep_tells_nothing_and_the_next_is_read():
    stream = TypedEventStream()
    stream.feed(b"event: response.x\ndata: " + b"y" * EVENT_BYTES_MAX)
    stream.feed(b"y" * 10)
    assert len(stream._rest) < 100
    stream.feed(b"\n\n" + RESPONSE[-1])

    assert stream.used.is_told


def test_a_long_answer_that_repeats_its_request_is_not_searched_for_a_usage():
    answer = json.dumps({"text": "x" * 2_000_000, "usage": {"input_tokens": 9, "output_tokens": 9}}).encode()
    readers = AnswerReader(), AnswerReader(repeats=True)
    for reader in readers:
        reader.feed(answer)

    assert [reader.used() for reader in readers] == [Used(9, 9, is_told=True), Used()]


def test_what_a_request_may_come_to():
    asked = {"input": "hi", "max_output_tokens": 50}
    known = worst_case(b"/v1/responses", asked, body_bytes=100, context_tokens=4096).tokens
    unknown = worst_case(b"/v1/responses", {"input": "hi"}, body_bytes=100, context_tokens=4096).tokens
    counted = worst_case(b"/v1/messages/count_tokens", {}, body_bytes=100, context_tokens=4096).tokens

    assert known < 1000
    assert unknown == 4096
    assert counted < 1000


# -- Through the running portal -----------------------------------------------------------


live = pytest.mark.live


@live
@pytest.mark.parametrize("path", ["/v1/responses", "/v1/messages"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_passes_as_it_is_and_its_usage_is_recorded(raw, key, upstream_url, path, stream):
    asked = {"stream": stream, "max_tokens": 9, "max_output_tokens": 9}
    asked |= {"input": "words=4"} if path == "/v1/responses" else {"messages": say("words=4")}

    ours = raw.post(path, json={"model": "tiny", **asked})
    theirs = httpx.post(f"{upstream_url}{path}", json={"model": "tiny-served", **asked})

    assert (ours.status_code, ours.content) == (200, theirs.content)
    assert ours.headers["content-type"] == theirs.headers["content-type"]
    row = recorded(key, requests=1)
    assert (row.prompt_tokens_count, row.completion_tokens_count) == (7, 4)


@live
def test_nothing_is_stored_and_each_persons_cache_is_apart(raw, state):
    raw.post("/v1/responses", json={"model": "tiny", "input": "hi", "store": True})
    raw.post("/v1/messages", json={"model": "tiny", "messages": say("hi"), "max_tokens": 5, "stream": True})

    response, message = (json.loads(one["body"]) for one in state()["seen"][-2:])
    assert response["store"] is False
    assert response["cache_salt"] == message["cache_salt"]
    assert len(response["cache_salt"]) >= 32
    assert "stream_options" not in message


@live
@pytest.mark.parametrize(
    "asked",
    [
        {"previous_response_id": "resp_1"},
        {"background": True},
        {"conversation": "conv_1"},
        {"prompt": {"id": "p"}},
        {"tools": [{"type": "mcp", "server_url": "http://169.254.169.254"}]},
        {"tools": [{"type": "code_interpreter", "container": {}}]},
    ],
)
def test_what_would_reach_what_others_stored_is_refused(raw, state, asked):
    before = len(state()["seen"])

    answer = raw.post("/v1/responses", json={"model": "tiny", "input": "hi", **asked})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "field_not_allowed")
    assert answer.json()["error"]["param"] in asked
    assert len(state()["seen"]) == before


@live
def test_anthropics_clients_send_their_key_and_read_their_errors(portal, key):
    asked = {"model": "tiny", "messages": say("words=2"), "max_tokens": 5}
    with httpx.Client(base_url=portal, headers={"x-api-key": key.token}, timeout=20) as client:
        answer = client.post("/v1/messages", json=asked)
        unknown = client.post("/v1/messages", json=asked | {"model": "nothing"})
        wrong = client.post("/v1/messages", json={"model": 3})
        elsewhere = client.post("/v1/chat/completions", json=asked)
        none = client.post("/v1/messages", json=asked, headers={"x-api-key": "owk_x"})
        two = client.post("/v1/messages", json=asked, headers=[("x-api-key", "a"), ("x-api-key", "b")])
        failed = client.post("/v1/messages", json=asked | {"messages": say("status=500")})

    assert answer.status_code == 200
    kinds = {
        "not_found_error": unknown,
        "invalid_request_error": wrong,
        "authentication_error": none,
        "api_error": failed,
    }
    for kind, refused in kinds.items():
        told = refused.json()
        assert (told["type"], told["error"]["type"]) == ("error", kind)
        assert told["request_id"] == refused.headers["x-request-id"]
        assert told["error"]["message"]
    assert elsewhere.status_code == 401
    assert two.status_code in {400, 401}


@live
def test_a_model_server_that_dies_is_told_as_an_event_of_the_api(raw):
    asked = {"model": "tiny", "stream": True, "max_tokens": 50, "max_output_tokens": 50}
    message = raw.post("/v1/messages", json=asked | {"messages": say("words=9 die=2")}).text
    response = raw.post("/v1/responses", json=asked | {"input": "words=9 die=2"}).text

    for text in (message, response):
        last = text.strip().split("\n\n")[-1]
        assert last.startswith("event: error\ndata: ")
        assert json.loads(last.partition("data: ")[2])["type"] == "error"


# -- In front of the real vLLM ------------------------------------------------------------


@pytest.fixture
def served(release, vllm_url):
    """The release, served by the real model."""
    release.backend_url, release.served_model_name = vllm_url, MODEL
    release.save()
    time.sleep(1.1)
    return release


@pytest.mark.model
@live
def test_openais_client_asks_for_responses(client, served, key):
    asked = {"model": "tiny", "input": "Say hello.", "max_output_tokens": 8, "temperature": 0}

    whole = client.responses.create(**asked)
    events = list(client.responses.create(**asked, stream=True))

    assert whole.output_text
    text = "".join(one.delta for one in events if one.type == "response.output_text.delta")
    assert text == whole.output_text
    assert events[-1].type in {"response.completed", "response.incomplete"}
    spent = whole.usage.total_tokens + events[-1].response.usage.total_tokens
    row = recorded(key, requests=2)
    assert row.prompt_tokens_count + row.completion_tokens_count == spent
    with pytest.raises(openai.BadRequestError, match="nothing is stored"):
        client.responses.create(**asked, previous_response_id=whole.id)


@pytest.mark.model
@live
@pytest.mark.parametrize("stream", [False, True])
def test_messages_are_those_of_vllm(raw, served, vllm_url, key, stream):
    asked = {"messages": say("Say hello."), "max_tokens": 8, "temperature": 0, "stream": stream}
    ours = raw.post("/v1/messages", json={"model": "tiny", **asked})
    theirs = httpx.post(f"{vllm_url}/v1/messages", json={"model": MODEL, **asked}, timeout=60)

    assert ours.status_code == theirs.status_code == 200
    assert _said(ours, stream=stream) == _said(theirs, stream=stream)
    row = recorded(key, requests=1)
    assert row.prompt_tokens_count > 0
    assert 1 <= row.completion_tokens_count <= 8


@pytest.mark.model
@live
def test_vllms_own_count_of_tokens_and_its_errors_pass(raw, served):
    asked = {"model": "tiny", "messages": say("Say hello.")}
    counted = raw.post("/v1/messages/count_tokens", json=asked)
    refused = raw.post("/v1/messages", json=asked)

    assert counted.json()["input_tokens"] > 3
    assert (refused.status_code, refused.json()["type"]) == (400, "error")
    assert refused.json()["error"]["type"] == "invalid_request_error"


def _said(answer, *, stream):
    """An answer without what differs each time: ids."""
    if not stream:
        return {name: value for name, value in answer.json().items() if name != "id"}
    lines = answer.text.splitlines()
    # A busy engine tells several tokens in one event.
    names = [name for name, _ in groupby(line for line in lines if line.startswith("event: "))]
    told = [
        json.loads(line.partition("data: ")[2]).get("delta") or {}
        for line in lines
        if line.startswith("data: {")
    ]
    text = "".join(delta.get("text", "") for delta in told)
    return names, text, [delta for delta in told if "text" not in delta]
