"""Limits of tokens at the running gateway: who is refused, in which words, and what is given back."""

import json
import threading
from functools import partial

import httpx2 as httpx
import pytest
import redis
from django.conf import settings
from openai import OpenAI, RateLimitError

from playground.gateway.metering import UNNOTICED_TOKENS
from playground.gateway.reserving import TEMPLATE_TOKENS
from portal.keys import actions
from portal.keys.models import Limit, Scope
from tests import cast
from tests.gateway.conftest import eventually, say
from tests.gateway.standing import limit_state
from tests.gateway.upstream import CONTEXT_TOKENS

# What the small model server says of every prompt.
PROMPT_TOKENS = 7


def ask(raw, content="words=5", **more):
    body = {"model": "tiny", "messages": say(content), "max_tokens": 20, **more}
    return raw.post("/v1/chat/completions", json=body)


@pytest.fixture
def state_of():
    """The numbers that Valkey holds of one scope."""
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as valkey:
        yield partial(limit_state, valkey)


def settled(state_of, name: str) -> dict[str, float]:
    eventually(lambda: state_of(name).get("reserved") == 0, within_seconds=5)
    return state_of(name)


def test_an_answer_counts_what_it_used_and_nothing_more(raw, key, ada, state_of):
    Limit.objects.create(user=ada, tokens_per_day=1_000_000)

    answers = [ask(raw, "words=5"), ask(raw, "words=9", n=2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    state = settled(state_of, f"user:{ada.pk}")
    assert (state["day_used"], state["running"]) == (2 * PROMPT_TOKENS + 5 + 9, 0)


def test_the_worst_case_is_held_while_the_request_runs(raw, ada, state_of, release):
    Limit.objects.create(release=release, tokens_per_day=1_000_000)
    body = {"model": "tiny", "messages": say("first=1.5 words=2"), "max_tokens": 100, "n": 3}
    with httpx.Client(base_url=raw.base_url, headers=raw.headers, timeout=20) as second:
        thread = threading.Thread(target=second.post, args=("/v1/chat/completions",), kwargs={"json": body})
        thread.start()

        name = f"release:{release.pk}"
        eventually(lambda: state_of(name).get("running") == 1, within_seconds=3)
        held = state_of(name)["reserved"]
        thread.join()

    assert 300 < held < 300 + 1000
    assert settled(state_of, name)["day_used"] == PROMPT_TOKENS + 2


def test_too_many_tokens_a_minute_are_refused_in_words(raw, ada):
    Limit.objects.create(user=ada, tokens_per_minute=2000)

    answer = ask(raw, max_tokens=3000)
    smaller = ask(raw, max_tokens=100)

    error = answer.json()["error"]
    assert answer.status_code == 429
    assert (error["type"], error["code"]) == ("tokens", "rate_limit_exceeded")
    assert error["message"].startswith(
        "Your account may use 2,000 tokens a minute, and 2,000 of them remain; this request may come to 3,"
    )
    helps = " Waiting does not help. A smaller max_tokens or a shorter prompt may pass now. See http"
    assert helps in error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-ratelimit-limit-tokens"] == "2000"
    assert answer.headers["x-ratelimit-remaining-tokens"] == "2000"
    assert smaller.status_code == 200
    assert 1000 < int(smaller.headers["x-ratelimit-remaining-tokens"]) < 1900


def test_a_spent_day_is_an_insufficient_quota_for_the_real_client(client, key, ada, release):
    cast_limit = Limit.objects.create(release=release, for_each_person=True, tokens_per_day=1000)
    asked = {"model": "tiny", "messages": say("words=400"), "max_tokens": 300}
    client.chat.completions.create(**asked)

    with pytest.raises(RateLimitError) as refused:
        client.chat.completions.create(**asked)

    assert (refused.value.code, refused.value.type) == ("insufficient_quota", "tokens")
    assert (
        f"Each user of the model “{cast_limit.release}” may use 1,000 tokens a day" in refused.value.message
    )
    assert "They come back at 00:00 UTC" in refused.value.message


def test_a_total_is_never_given_back(raw, key, state_of):
    Limit.objects.create(key=key.key, tokens_total=1000)
    ask(raw, "words=900", max_tokens=300)
    settled(state_of, f"key:{key.key.pk}")

    answer = ask(raw)

    assert answer.json()["error"]["code"] == "insufficient_quota"
    assert "They do not come back by themselves." in answer.json()["error"]["message"]


@pytest.mark.parametrize("more", [{"n": 16}, {"n": 16, "stream": True}, {"max_tokens": None}])
def test_an_oversized_request_is_refused_before_anything_is_generated(raw, ada, state, more):
    Limit.objects.create(user=ada, tokens_per_day=800)

    answer = ask(raw, **more)

    assert answer.status_code == 429
    assert state()["seen"] == []


def test_without_max_tokens_the_models_own_context_is_held(raw, ada):
    Limit.objects.create(user=ada, tokens_per_day=1_000_000)

    answer = ask(raw, max_tokens=None)

    assert answer.headers["x-ratelimit-remaining-tokens"] == str(1_000_000 - CONTEXT_TOKENS)


def test_one_persons_use_leaves_the_others_theirs_and_counts_for_all(portal, raw, release, ada, state_of):
    programme = ada.applications.get().programme
    Limit.objects.create(programme=programme, tokens_per_day=1_000_000)
    Limit.objects.create(programme=programme, for_each_person=True, tokens_per_day=1_000_000)
    cleo = cast.developer("cleo@example.org", release)
    made = actions.create(cleo, name="calls", scopes=[Scope.INFERENCE], by=cleo)

    ask(raw, "words=10")
    with httpx.Client(base_url=portal, headers={"Authorization": f"Bearer {made.token}"}) as hers:
        ask(hers, "words=30")

    names = (f"programme:{programme.pk}", *(f"programme:{programme.pk}:user:{one.pk}" for one in (ada, cleo)))
    assert [settled(state_of, name)["day_used"] for name in names] == [54, 17, 37]


def test_a_failure_of_the_model_server_gives_all_back(raw, ada, state_of):
    Limit.objects.create(user=ada, tokens_per_day=1_000_000)

    answers = [ask(raw, "status=500"), ask(raw, "status=400")]

    assert [answer.status_code for answer in answers] == [502, 400]
    assert settled(state_of, f"user:{ada.pk}").get("day_used", 0) == 0


@pytest.mark.parametrize(
    ("silent", "counts_all"), [("", False), ("silent=1", True)], ids=["told on the way", "told by nobody"]
)
def test_a_stream_that_is_broken_off_counts_what_it_told_or_else_all(raw, ada, state_of, silent, counts_all):
    Limit.objects.create(user=ada, tokens_per_day=1_000_000)
    body = {
        "model": "tiny",
        "messages": say(f"words=50 pause=0.05 {silent}"),
        "max_tokens": 200,
        "stream": True,
    }

    with raw.stream("POST", "/v1/chat/completions", json=body) as answer:
        held = 1_000_000 - int(answer.headers["x-ratelimit-remaining-tokens"])
        seen = 0
        for piece in answer.iter_bytes():
            seen += piece.count(b"data:")
            if seen > 3:
                break

    used = settled(state_of, f"user:{ada.pk}")["day_used"]
    assert held > 200
    assert used == held if counts_all else 3 <= used - PROMPT_TOKENS - UNNOTICED_TOKENS <= 6


@pytest.mark.parametrize("is_stream", [True, False])
def test_who_leaves_before_a_stream_begins_pays_its_prompt_alone(raw, ada, state_of, is_stream):
    Limit.objects.create(user=ada, tokens_per_day=1_000_000)
    # Without max_tokens all of the context is held.
    body = json.dumps({"model": "tiny", "messages": say("words=5 first=9"), "stream": is_stream})

    with pytest.raises(httpx.ReadTimeout):
        raw.post(
            "/v1/chat/completions", content=body, headers={"content-type": "application/json"}, timeout=0.7
        )

    used = settled(state_of, f"user:{ada.pk}")["day_used"]
    assert used == (len(body) + TEMPLATE_TOKENS + UNNOTICED_TOKENS if is_stream else CONTEXT_TOKENS)


def test_a_stream_that_ends_counts_what_it_used(portal, key, ada, state_of):
    Limit.objects.create(user=ada, tokens_per_day=1_000_000)
    with OpenAI(base_url=f"{portal}/v1", api_key=key.token, max_retries=0) as client:
        stream = client.chat.completions.create(
            model="tiny", messages=say("words=12"), max_tokens=60, stream=True
        )
        list(stream)

    assert settled(state_of, f"user:{ada.pk}")["day_used"] == PROMPT_TOKENS + 12


def test_refused_requests_count_as_requests(raw, key):
    Limit.objects.create(key=key.key, requests_per_minute=3)

    codes = [raw.post("/v1/chat/completions", json={"model": "nothing"}).status_code for _ in range(4)]

    assert codes == [404, 404, 404, 429]
