"""The worst to which a request may come, before it is sent on."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.gateway.errors import ApiError
from playground.gateway.reserving import SPECIAL_TOKENS, TEMPLATE_TOKENS, worst_case

CHAT, TEXT, VECTORS = b"/v1/chat/completions", b"/v1/completions", b"/v1/embeddings"
CONTEXT = 4096
PICTURE = [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]


def worst(path, context_tokens=CONTEXT, body_bytes=100, **fields):
    return worst_case(path, fields, body_bytes=body_bytes, context_tokens=context_tokens).tokens


def test_a_prompt_counts_its_bytes_and_each_answer_its_limit():
    held = 100 + TEMPLATE_TOKENS

    assert worst(CHAT, max_tokens=10) == held + 10
    assert worst(CHAT, max_completion_tokens=10, n=3) == held + 30
    assert worst(CHAT, max_tokens=10, max_completion_tokens=20) == held + 20
    assert worst(b"/v1/responses", max_output_tokens=10, input="hi") == held + 10
    assert worst(TEXT, prompt="hi", max_tokens=10, n=2, best_of=5) == 100 + SPECIAL_TOKENS + 50


def test_how_much_of_it_a_prompt_can_be():
    def prompt(**fields):
        return worst_case(CHAT, fields, body_bytes=100, context_tokens=CONTEXT).prompt_tokens

    assert prompt() == prompt(max_tokens=10, n=3) == 100 + TEMPLATE_TOKENS
    assert prompt(messages=[{"role": "user", "content": PICTURE}]) == CONTEXT


@pytest.mark.parametrize("odd", [None, "10", -1, 0, 10**9, 1.5, []])
def test_an_odd_or_missing_limit_is_the_context(odd):
    assert worst(CHAT, max_tokens=odd) == CONTEXT
    assert worst(CHAT, max_tokens=odd, n=2) == 2 * CONTEXT


def test_every_prompt_of_a_list_counts():
    assert worst(TEXT, prompt=["a", "b", "c"], max_tokens=10) == 100 + 3 * SPECIAL_TOKENS + 30
    assert worst(TEXT, prompt=[[1, 2], [3]], max_tokens=10) == 100 + 2 * SPECIAL_TOKENS + 20
    assert worst(TEXT, prompt=[1, 2, 3], max_tokens=10) == 100 + SPECIAL_TOKENS + 10
    assert worst(TEXT, prompt=["a", "b"]) == 2 * CONTEXT
    assert worst(VECTORS, input=["a", "b"]) == 100 + 2 * SPECIAL_TOKENS
    assert worst(VECTORS, input=["a", "b"], body_bytes=10**6) == 2 * CONTEXT


@pytest.mark.parametrize(
    "more",
    [
        {"messages": [{"role": "user", "content": PICTURE}]},
        {"messages": [], "chat_template": "{{ 'a' * 9999 }}"},
        {"input": "go on", "previous_response_id": "resp_1"},
    ],
)
def test_what_may_grow_beyond_its_bytes_is_the_context(more):
    assert worst(CHAT, max_tokens=10, **more) == CONTEXT


def test_tools_count_as_long_as_templates_write_them():
    tools = [{"type": "function", "function": {"name": "a", "parameters": {"deep": {"er": [1, [2, "]"]]}}}}]

    held = worst(CHAT, max_tokens=10, tools=tools)

    assert CONTEXT > held >= 110 + TEMPLATE_TOKENS + len(json.dumps(tools, indent=4))


@pytest.mark.parametrize("odd", ["2", 2.5, True, [2]])
def test_an_n_that_is_no_whole_number_is_refused(odd):
    with pytest.raises(ApiError) as refused:
        worst(CHAT, n=odd)

    assert (refused.value.status, refused.value.param) == (400, "n")


@given(
    prompt=st.integers(1, 5000),
    spare=st.integers(0, 50),
    longest=st.integers(1, 5000),
    answers=st.integers(1, 4),
    context=st.integers(2, 3000),
)
def test_no_request_that_a_model_takes_comes_to_more(prompt, spare, longest, answers, context):
    prompt = min(prompt, context - 1)
    most = prompt + answers * min(longest, context - prompt)

    held = worst(CHAT, context, prompt + spare, max_tokens=longest, n=answers)

    assert held >= most
    assert answers > 1 or held <= context
