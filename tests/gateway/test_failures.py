"""What happens when someone breaks off: the client, the model server, or neither is there."""

import asyncio
import json
import threading
import time

import httpx2 as httpx
import openai
import pytest
import redis
from django.conf import settings
from openai import OpenAI

from playground import readiness
from playground.gateway.backends import Backend
from portal.keys import actions as keys
from portal.local.preflight import free_port
from portal.releases import actions as releases
from portal.releases.safety import pausing
from tests.gateway import processes
from tests.gateway.conftest import eventually, recorded, say


def test_a_client_that_leaves_a_stream_stops_the_model_server(client, key, state):
    stream = client.chat.completions.create(model="tiny", messages=say("words=200 pause=0.05"), stream=True)
    for _, _ in zip(range(5), stream, strict=False):
        pass

    stream.close()

    took = eventually(lambda: state()["aborted"] == 1 and state()["running"] == 0, within_seconds=2)
    assert took < 1
    assert recorded(key, requests=1).completion_tokens_count >= 3


def withdraw(release, _):
    releases.withdraw(release, reason="It was unsafe.", by=None)


def pause(release, _):
    pausing.pause(release, reason="A report is being looked into.", by=None)


def revoke(_, key):
    keys.revoke(key.key, by=None)


def limit_to_other_networks(_, key):
    keys.change(key.key, name="calls", note="", networks=["203.0.113.0/24"], by=key.key.user)


@pytest.mark.parametrize(
    ("shut", "code"),
    [
        (withdraw, "release_open"),
        (pause, "release_open"),
        (revoke, "revoked_key"),
        (limit_to_other_networks, "network_not_allowed"),
    ],
)
def test_a_stream_ends_within_a_second_of_the_access_that_it_rests_on(
    client, key, release, state, *, shut, code
):
    stream = client.chat.completions.create(model="tiny", messages=say("words=400 pause=0.05"), stream=True)
    for _, _ in zip(range(5), stream, strict=False):
        pass

    shut(release, key)

    began = time.monotonic()
    with pytest.raises(openai.APIError) as told:
        list(stream)
    assert time.monotonic() - began < 1.5
    assert told.value.code == code
    eventually(lambda: state()["aborted"] == 1 and state()["running"] == 0, within_seconds=2)


def test_an_answer_in_one_piece_is_refused_when_access_ends_meanwhile(raw, release, state):
    asked = []
    thread = threading.Thread(target=lambda: asked.append(ask(raw, "words=4 first=9")))
    thread.start()
    eventually(lambda: state()["running"] == 1, within_seconds=3)

    pausing.pause(release, reason="A report is being looked into.", by=None)

    thread.join(3)
    assert [(one.status_code, one.json()["error"]["code"]) for one in asked] == [(403, "release_open")]


def ask(raw, prompt):
    return raw.post("/v1/chat/completions", json={"model": "tiny", "messages": say(prompt)})


def test_a_failure_of_the_model_server_is_counted_and_so_is_what_follows(client, key):
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="tiny", messages=say("words=3 die=1"), stream=True))
    client.chat.completions.create(model="tiny", messages=say("words=3"))

    assert recorded(key, requests=2).failures_count == 1


def test_a_client_that_reads_nothing_makes_the_model_server_wait(client, state):
    words = 300_000
    stream = client.chat.completions.create(model="tiny", messages=say(f"words={words}"), stream=True)
    next(iter(stream))

    eventually(lambda: _stands_still(state), within_seconds=20)
    said = state()["said"]
    stream.close()

    # Some tens of megabytes would have come; what has come lies in the kernel's buffers.
    assert said < words / 2
    eventually(lambda: state()["running"] == 0, within_seconds=3)


def _stands_still(state):
    before = state()["said"]
    time.sleep(0.7)
    return state()["said"] == before


def test_a_client_that_leaves_before_its_answer_stops_the_model_server(key, portal, state):
    client = OpenAI(base_url=f"{portal}/v1", api_key=key.token, max_retries=0, timeout=0.5)

    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="tiny", messages=say("first=20"))

    eventually(lambda: state()["aborted"] == 1, within_seconds=2)


@pytest.mark.django_db
def test_an_answer_that_was_left_unread_is_nobody_elses(upstream_url):
    async def ask(backend, words, *, is_read):
        body = json.dumps({"model": "tiny-served", "messages": say(f"words={words}")}).encode()
        asked = backend.ask(b"/v1/chat/completions", body, request_id="req_1", timeout_seconds=5)
        async with asked as connection:
            # All of it has come by then.
            await asyncio.sleep(0.3)
            return await connection.piece(timeout_seconds=5) if is_read else b""

    async def ask_twice():
        backend = Backend(upstream_url)
        await ask(backend, 3, is_read=False)
        answer = await ask(backend, 5, is_read=True)
        backend.close()
        return answer

    assert json.loads(asyncio.run(ask_twice()))["usage"]["completion_tokens"] == 5


def test_a_model_server_that_dies_in_a_stream_is_told_in_the_stream(client):
    stream = client.chat.completions.create(model="tiny", messages=say("words=9 die=3"), stream=True)
    heard = []

    with pytest.raises(openai.APIError) as failed:
        heard.extend(stream)
        heard.extend(stream)

    assert failed.value.code == "model_server_lost"


def test_what_came_before_a_death_is_not_lost(client):
    stream = client.chat.completions.create(model="tiny", messages=say("words=9 die=3"), stream=True)
    heard = ""

    with pytest.raises(openai.APIError):
        for chunk in stream:
            heard += chunk.choices[0].delta.content or ""

    assert [word for word in heard.split() if word.startswith("w")] == ["w0", "w1", "w2"]


def test_a_model_server_that_dies_in_an_answer_cuts_the_answer(client):
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model="tiny", messages=say("die=1"))


ERRORS = [
    ("status=400 message=bad", 400, "refused_by_model"),
    ("status=400 message=longer\N{NO-BREAK SPACE}than", 400, "refused_by_model"),
    ("status=422 message=odd", 422, "refused_by_model"),
    ("status=401", 502, "model_server_refused"),
    ("status=404", 404, "unsupported_by_model"),
    ("status=500 message=/usr/lib/secret.py", 502, "model_server_failed"),
    ("status=503", 503, "model_unavailable"),
]


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_of_the_model_server_has_openais_shape(raw, stream):
    for wish, status, code in ERRORS:
        body = {"model": "tiny", "messages": say(wish), "stream": stream}
        answer = raw.post("/v1/chat/completions", json=body)

        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (status, code), wish
        assert "secret" not in error["message"]


def test_an_endpoint_that_the_model_lacks_is_told(client):
    with pytest.raises(openai.NotFoundError) as refused:
        client.embeddings.create(model="tiny", input="hello")

    assert refused.value.code == "unsupported_by_model"


def test_a_model_server_that_is_away_is_a_503_to_try_again(raw, release):
    release.backend_url = f"http://127.0.0.1:{free_port()}"
    release.save()

    answer = raw.post("/v1/chat/completions", json={"model": "tiny", "messages": say("hi")})

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_a_model_that_is_still_loading_is_told_so(raw, release):
    release.backend_url = f"http://127.0.0.1:{free_port()}"
    release.save()
    where = readiness.key_of(release.backend_url)
    with redis.Redis.from_url(settings.REDIS_URL) as valkey:
        valkey.set(where, json.dumps({"state": "starting", "since": time.time() - 40}), ex=60)

    answer = raw.post("/v1/chat/completions", json={"model": "tiny", "messages": say("hi")})

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_loading")
    assert "still loading" in answer.json()["error"]["message"]


def test_a_model_server_that_restarts_is_found_again(raw, release):
    body = {"model": "tiny", "messages": say("hi")}
    with processes.upstream() as address:
        release.backend_url = address
        release.save()
        time.sleep(1.1)
        first = raw.post("/v1/chat/completions", json=body)
    gone = raw.post("/v1/chat/completions", json=body)

    assert (first.status_code, gone.status_code) == (200, 503)


def test_a_body_that_never_ends_and_limits_that_are_reached(key, upstream_url):
    with processes.portal(
        GATEWAY_REQUESTS_PER_MINUTE=5, GATEWAY_CONCURRENT_REQUESTS=2, GATEWAY_BODY_TIMEOUT_SECONDS=1
    ) as portal:
        headers = {"Authorization": f"Bearer {key.token}"}
        with httpx.Client(base_url=portal, headers=headers, timeout=20) as raw:
            _a_slow_body_is_cut_off(raw)
            _one_too_many_at_once_is_refused(raw)
            _one_too_many_a_minute_is_refused(raw)


def _a_slow_body_is_cut_off(raw):
    def slowly():
        yield b'{"model":'
        time.sleep(2)
        yield b'"tiny"}'

    answer = raw.post("/v1/chat/completions", content=slowly(), headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "body_too_slow")


def _one_too_many_at_once_is_refused(raw):
    slow = {"model": "tiny", "messages": say("first=1.5")}
    threads = [
        threading.Thread(target=raw.post, args=("/v1/chat/completions",), kwargs={"json": slow}) for _ in "ab"
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.7)

    answer = raw.get("/v1/models")
    for thread in threads:
        thread.join()

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "concurrency_limit_exceeded")
    assert raw.get("/v1/models").status_code == 200


def _one_too_many_a_minute_is_refused(raw):
    answers = [raw.get("/v1/models") for _ in range(4)]

    assert answers[-1].status_code == 429
    assert answers[-1].json()["error"]["type"] == "requests"
    assert answers[-1].json()["error"]["code"] == "rate_limit_exceeded"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 12
    assert answers[-1].headers["x-ratelimit-remaining-requests"] == "0"
