"""OpenAI's own client, sync and async, against the portal in front of the real model."""

import asyncio
import json
import math
from collections.abc import Iterator
from typing import Any, Literal

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion
from pydantic import BaseModel

from portal.keys.models import Limit
from portal.releases.models import Release
from tests import cast
from tests.gateway.conftest import say

pytestmark = [pytest.mark.model, pytest.mark.live]

MODEL = "smollm2-135m-instruct"
FIXED: dict[str, Any] = {"model": "tiny", "temperature": 0, "seed": 7}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Zagreb", "Graz"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
NAMED: Any = {"type": "function", "function": {"name": "weather"}}


class Judgement(BaseModel):
    """What the model is to write."""

    mood: Literal["good", "bad"]
    stars: Literal[1, 2, 3]


@pytest.fixture(autouse=True)
def _served(release: Release, vllm_url: str) -> None:
    """The release is served by the real model."""
    release.backend_url, release.served_model_name = vllm_url, MODEL
    release.save()


@pytest.fixture
def patient(portal, key) -> Iterator[OpenAI]:
    """The client as it comes, which tries twice more."""
    with OpenAI(base_url=f"{portal}/v1", api_key=key.token, timeout=20) as made:
        yield made


def text_of(answer: ChatCompletion) -> str:
    """What the first choice says."""
    return answer.choices[0].message.content or ""


def test_models_are_listed_and_retrieved(client):
    assert [model.id for model in client.models.list()] == ["tiny"]

    model = client.models.retrieve("tiny")

    assert (model.id, model.object) == ("tiny", "model")
    assert model.created > 0


def test_the_async_client_asks_several_at_a_time(portal, key):
    async def ask() -> list[ChatCompletion]:
        async with AsyncOpenAI(base_url=f"{portal}/v1", api_key=key.token, max_retries=0) as client:
            return await asyncio.gather(
                *(
                    client.chat.completions.create(**FIXED, messages=say("Say hello."), max_tokens=6)
                    for _ in range(4)
                )
            )

    answers = asyncio.run(ask())

    assert len({answer.id for answer in answers}) == 4
    assert all(answer.usage and answer.usage.completion_tokens <= 6 for answer in answers)


def test_the_async_client_streams_what_the_sync_one_is_told(portal, key, client):
    async def stream() -> str:
        async with AsyncOpenAI(base_url=f"{portal}/v1", api_key=key.token, max_retries=0) as asking:
            chunks = await asking.chat.completions.create(
                **FIXED, messages=say("Count to five."), max_tokens=10, stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])

    whole = client.chat.completions.create(**FIXED, messages=say("Count to five."), max_tokens=10)

    assert asyncio.run(stream()) == text_of(whole)


def test_usage_comes_in_a_stream_only_to_who_asks_for_it(client):
    asked = {**FIXED, "messages": say("Say hello."), "max_tokens": 4, "stream": True}

    plain = list(client.chat.completions.create(**asked))
    counted = list(client.chat.completions.create(**asked, stream_options={"include_usage": True}))

    assert all(chunk.choices and not chunk.usage for chunk in plain)
    assert [chunk.usage is None for chunk in counted] == [True] * (len(counted) - 1) + [False]
    assert counted[-1].choices == []
    assert 0 < counted[-1].usage.completion_tokens <= 4


def test_the_clients_own_stream_helper_puts_the_answer_together(client):
    with client.chat.completions.stream(
        **FIXED, messages=say("Say hello."), max_tokens=60, stop=[" ", ".", "!"]
    ) as stream:
        kinds = {event.type for event in stream}
        answer = stream.get_final_completion()

    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert text_of(answer)


def test_a_tool_is_called_by_the_schema_and_its_answer_is_taken(client):
    messages: list[Any] = say("What is the weather in Graz?")
    asked = client.chat.completions.create(
        **FIXED, messages=messages, tools=[WEATHER], tool_choice=NAMED, max_tokens=80
    )
    call = asked.choices[0].message.tool_calls[0]
    messages += [
        asked.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "21 degrees, sunny"},
    ]

    answer = client.chat.completions.create(**FIXED, messages=messages, max_tokens=8)

    assert call.function.name == "weather"
    assert json.loads(call.function.arguments)["city"] in {"Zagreb", "Graz"}
    assert answer.choices[0].finish_reason in {"stop", "length"}


def test_a_tools_call_is_streamed_in_parts(client):
    chunks = client.chat.completions.create(
        **FIXED,
        messages=say("What is the weather in Graz?"),
        tools=[WEATHER],
        tool_choice=NAMED,
        max_tokens=80,
        stream=True,
    )
    parts = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]

    assert [part.function.name for part in parts if part.function.name] == ["weather"]
    arguments = "".join(part.function.arguments or "" for part in parts)
    assert json.loads(arguments)["city"] in {"Zagreb", "Graz"}


def test_structured_output_is_parsed_into_a_class(client):
    answer = client.chat.completions.parse(
        **FIXED,
        messages=say("Judge this review: the room was clean."),
        response_format=Judgement,
        max_tokens=40,
    )

    assert isinstance(answer.choices[0].message.parsed, Judgement)


def test_structured_output_cut_short_is_told_as_its_own_error(client):
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(
            **FIXED, messages=say("Judge it."), response_format=Judgement, max_tokens=2
        )


def test_log_probabilities_come_with_each_token(client):
    answer = client.chat.completions.create(
        **FIXED, messages=say("Say hello."), max_tokens=3, logprobs=True, top_logprobs=2
    )

    told = answer.choices[0].logprobs.content
    assert len(told) == answer.usage.completion_tokens
    for token in told:
        assert len(token.top_logprobs) >= 2
        assert token.logprob <= 0
        assert math.isclose(token.logprob, max(one.logprob for one in token.top_logprobs))


def test_n_answers_are_numbered_and_counted_together(client):
    answer = client.chat.completions.create(
        model="tiny", messages=say("Name an animal."), n=3, temperature=1, max_tokens=5
    )

    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.usage.completion_tokens > 5


def test_a_seed_gives_the_same_answer_again(client):
    asked = {"model": "tiny", "messages": say("Name an animal."), "temperature": 1, "max_tokens": 8}

    first, second, other = (
        text_of(client.chat.completions.create(**asked, seed=seed)) for seed in (11, 11, 12)
    )

    assert first == second
    assert first != other


def test_stop_ends_the_answer_before_its_words(client):
    whole = text_of(client.chat.completions.create(**FIXED, messages=say("Count to ten."), max_tokens=20))
    word = whole.split()[3]

    cut = client.chat.completions.create(
        **FIXED, messages=say("Count to ten."), max_tokens=20, stop=[word, "never said"]
    )

    assert cut.choices[0].finish_reason == "stop"
    assert text_of(cut) == whole[: whole.index(word)]


def test_a_text_is_gone_on_with(client):
    answer = client.completions.create(**FIXED, prompt=["One, two,", "Red, green,"], max_tokens=4, logprobs=1)

    assert [choice.index for choice in answer.choices] == [0, 1]
    assert all(choice.logprobs.tokens for choice in answer.choices)


def test_what_only_vllm_knows_passes_through(client):
    answer = client.chat.completions.create(
        **FIXED,
        messages=say("Say hello."),
        max_tokens=12,
        extra_body={"min_tokens": 12, "ignore_eos": True, "repetition_penalty": 1.1},
    )

    assert answer.usage.completion_tokens == 12


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"api_key": "-"}, openai.AuthenticationError, "malformed_key"),
        ({"api_key": "sk-of-somebody-else"}, openai.AuthenticationError, "malformed_key"),
        ({"model": "gpt-4o"}, openai.NotFoundError, "model_not_found"),
        ({"messages": "hello"}, openai.BadRequestError, "refused_by_model"),
        ({"temperature": -1}, openai.BadRequestError, "refused_by_model"),
        ({"n": 1000}, openai.BadRequestError, "invalid_value"),
        ({"messages": say("word " * 3000)}, openai.BadRequestError, "context_length_exceeded"),
    ],
)
def test_an_error_is_the_clients_own_class_with_code_and_request_id(portal, key, change, error, code):
    asked = {"model": "tiny", "messages": say("Say hello."), "max_tokens": 2, "api_key": key.token} | change
    client = OpenAI(base_url=f"{portal}/v1", api_key="replaced", max_retries=0)

    with pytest.raises(error) as refused, client:
        authorization = {"Authorization": f"Bearer {asked.pop('api_key')}"}
        client.chat.completions.create(**asked, extra_headers=authorization)

    assert refused.value.code == code
    assert refused.value.request_id.startswith("req_")
    assert refused.value.type
    assert refused.value.body["message"] in refused.value.message


def test_a_shut_gate_is_a_permission_that_is_denied_with_a_link(client, release):
    cast.publish(release.licence, "2.0")

    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.create(model="tiny", messages=say("Say hello."), max_tokens=2)

    assert refused.value.code == "licence_current"
    assert refused.value.body["link"].endswith(release.licence.get_absolute_url())


def test_a_client_that_waits_no_longer_is_told_so_and_the_model_stops(portal, key):
    asked = {"model": "tiny", "messages": say("Write a long story."), "max_tokens": 1500}

    with (
        OpenAI(base_url=f"{portal}/v1", api_key=key.token, max_retries=0, timeout=1) as client,
        pytest.raises(openai.APITimeoutError),
    ):
        client.chat.completions.create(**asked, extra_body={"ignore_eos": True})


def test_a_429_is_tried_again_after_as_long_as_it_says(patient, client, key):
    Limit.objects.create(key=key.key, concurrent_requests=1)
    running = client.chat.completions.create(
        model="tiny",
        messages=say("Count to a hundred."),
        max_tokens=20,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    next(iter(running))

    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(**FIXED, messages=say("Say hello."), max_tokens=2)
    # However long the model takes here for what is running.
    lasting = patient.with_options(max_retries=30)
    answer = lasting.chat.completions.with_raw_response.create(
        **FIXED, messages=say("Say hello."), max_tokens=2
    )
    running.close()

    assert refused.value.code == "concurrency_limit_exceeded"
    assert refused.value.response.headers["retry-after"] == "1"
    assert answer.retries_taken >= 1
    assert text_of(answer.parse())


def test_a_spent_budget_is_not_tried_again_in_vain(patient, key):
    Limit.objects.create(key=key.key, tokens_total=10)

    with pytest.raises(openai.RateLimitError) as refused:
        patient.chat.completions.create(**FIXED, messages=say("Say hello."), max_tokens=2)

    assert refused.value.code == "insufficient_quota"
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert refused.value.response.request.headers["x-stainless-retry-count"] == "0"


def test_limits_stand_in_the_headers_of_an_answer(client):
    answer = client.chat.completions.with_raw_response.create(
        **FIXED, messages=say("Say hello."), max_tokens=2
    )

    for name in ("limit-requests", "remaining-requests", "limit-tokens", "remaining-tokens"):
        assert int(answer.headers[f"x-ratelimit-{name}"]) > 0
    assert answer.request_id == answer.headers["x-request-id"]
