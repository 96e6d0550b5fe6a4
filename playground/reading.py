"""What a chunk of an answer tells beside its text: pieces of tool calls, and log-probabilities."""

from collections.abc import Mapping
from typing import Any

from playground import streams

# A model that calls more tools at once, or goes on with one for longer, is lost in a loop.
TOOL_CALLS_MAX = 64
ARGUMENTS_MAX_CHARACTERS = 200_000


def add_tool_calls(calls: list[dict[str, Any]], pieces: list[dict[str, Any]]) -> None:
    """Put the pieces of one chunk to `calls`: OpenAI's tool_calls, whose arguments come in parts.

    >>> calls = []
    >>> add_tool_calls(calls, [{"index": 0, "id": "c1", "function": {"name": "add", "arguments": ""}}])
    >>> add_tool_calls(calls, [{"index": 0, "function": {"arguments": "{}"}}])
    >>> calls
    [{'id': 'c1', 'type': 'function', 'function': {'name': 'add', 'arguments': '{}'}}]
    """
    for piece in pieces:
        index = piece.get("index") or 0
        if not 0 <= index < TOOL_CALLS_MAX:
            continue
        while len(calls) <= index:
            calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
        call, told = calls[index], piece.get("function") or {}
        call["id"] = call["id"] or streams.storable(piece.get("id") or "")
        function = call["function"]
        function["name"] = function["name"] or streams.storable(told.get("name") or "")
        arguments = function["arguments"] + streams.storable(told.get("arguments") or "")
        function["arguments"] = arguments[:ARGUMENTS_MAX_CHARACTERS]


def logprobs_in(told: Mapping[str, Any]) -> list[list[Any]]:
    """For each token of a chunk its text, its log-probability, and [text, log-probability] of others.

    Reads both shapes, that of chat completions and that of completions.

    >>> logprobs_in({"content": [{"token": "a", "logprob": -0.1, "top_logprobs": []}]})
    [['a', -0.1, []]]
    >>> logprobs_in({"tokens": ["a"], "token_logprobs": [-0.1], "top_logprobs": [{"b": -2.0}]})
    [['a', -0.1, [['b', -2.0]]]]
    """
    if "tokens" in told:
        others = told.get("top_logprobs") or [None] * len(told["tokens"])
        rows = zip(told["tokens"], told["token_logprobs"], others, strict=False)
        return [_row(text, logprob, list((top or {}).items())) for text, logprob, top in rows]
    return [
        _row(
            one["token"],
            one["logprob"],
            [(other["token"], other["logprob"]) for other in one.get("top_logprobs") or ()],
        )
        for one in told.get("content") or ()
    ]


def _row(text: str, logprob: float | None, others: list[tuple[str, float]]) -> list[Any]:
    # vLLM tells -9999 for what is impossible; a first token of a raw prompt has none at all.
    shown = [[streams.storable(other), round(value, 4)] for other, value in others]
    return [streams.storable(text), round(logprob or 0.0, 4), shown]
