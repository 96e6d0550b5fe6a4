"""One case and the model server: what is asked, and what its answer means."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp

from playground import parameters, streams, upstream
from playground.evaluations.matchers import Answer
from playground.serving import Backend
from playground.upstream import UpstreamFailure

CHAT = "/v1/chat/completions"
MESSAGE_CHARACTERS = 300
# A token that the server gives no log-probability for; vLLM's own word for impossible.
IMPOSSIBLE = -9999.0


class NotNow(Exception):  # noqa: N818
    """The server takes nothing at present; the case is to be asked again later."""


class Faulty(Exception):  # noqa: N818
    """The server failed on the case: a sentence, and whether it may do better at another try."""

    def __init__(self, sentence: str, *, is_final: bool) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.is_final = is_final


@dataclass(frozen=True)
class Reply:
    """The answer to a case, and what it cost."""

    answer: Answer
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Asker:
    """Asks a model for one run: where, under which name, and with which sampling parameters."""

    session: aiohttp.ClientSession
    backend: Backend
    model: str
    params: Mapping[str, Any]
    salt: str

    async def ask(
        self, messages: list[dict[str, str]], expectation: Mapping[str, Any], own: Mapping[str, Any]
    ) -> Reply:
        """The model's reply to a case; its `own` parameters go before the run's. Raises NotNow and Faulty."""
        began = time.monotonic()
        if expectation["type"] == "choice":
            reply = await self._choose(messages, expectation["choices"])
        else:
            reply = await self._complete(messages, {**self.params, **own})
        seconds = round(time.monotonic() - began, 3)
        return Reply(reply.answer, reply.prompt_tokens, reply.completion_tokens, seconds, reply.detail)

    async def _complete(self, messages: list[dict[str, str]], params: Mapping[str, Any]) -> Reply:
        told = await self._post(CHAT, {"messages": messages, **parameters.fields_of(params)})
        try:
            choice = told["choices"][0]
            text = choice["message"].get("content") or ""
            finish_reason = str(choice.get("finish_reason") or "")
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise _unreadable() from error
        answer = Answer(streams.storable(str(text)), finish_reason[:20])
        return Reply(answer, *_usage(told))

    async def _choose(self, messages: list[dict[str, str]], choices: list[str]) -> Reply:
        """The likeliest of some answers: the sum of the log-probabilities of its tokens behind the prompt."""
        start = await self._tokens({"messages": messages, "add_generation_prompt": True})
        logprobs: dict[str, float] = {}
        read_count = 0
        for choice in choices:
            said = [*messages, {"role": "assistant", "content": choice}]
            # vLLM's own fields: the choice stands open behind the prompt and is rated, not written.
            body = {"add_generation_prompt": False, "continue_final_message": True, "prompt_logprobs": 0}
            told = await self._post(CHAT, {"messages": said, **body, "max_tokens": 1, "temperature": 0})
            rated = told.get("prompt_logprobs")
            tokens = await self._tokens({"messages": said, **_OPEN})
            if not isinstance(rated, list) or len(rated) != len(tokens):
                raise Faulty(
                    "The model server tells no log-probabilities of a prompt, which multiple choice needs.",
                    is_final=True,
                )
            logprobs[choice] = _sum_behind(_shared(start, tokens), tokens, rated)
            read_count += _usage(told)[0]
        likeliest = max(choices, key=lambda choice: logprobs[choice])
        detail = {"logprobs": {name: round(value, 4) for name, value in logprobs.items()}}
        return Reply(Answer(likeliest, "choice", logprobs), read_count, len(choices), 0.0, detail)

    async def _tokens(self, body: dict[str, Any]) -> list[int]:
        told = await self._post("/tokenize", body)
        tokens = told.get("tokens")
        if not isinstance(tokens, list):
            raise Faulty(
                "The model server has no /tokenize, which multiple choice needs. vLLM has it.", is_final=True
            )
        return tokens

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        asked = {"model": self.model, **body}
        if path == CHAT:
            asked["cache_salt"] = self.salt
        sent = json.dumps(asked).encode()
        try:
            status, said = await upstream.ask(
                self.session, path, sent, backend=self.backend, request_id=f"eval-{self.salt[:16]}"
            )
        except UpstreamFailure as failure:
            if failure.code == "model_away":
                raise NotNow from failure
            raise Faulty(failure.sentence, is_final=failure.code == "model_unknown") from failure
        if status != HTTPStatus.OK:
            _refuse(status, said)
        try:
            told = json.loads(said)
        except ValueError as error:
            raise _unreadable() from error
        if not isinstance(told, dict):
            raise _unreadable()
        return told


_OPEN = {"add_generation_prompt": False, "continue_final_message": True}


def _refuse(status: int, said: bytes) -> None:
    """Raise what a status other than 200 means."""
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        raise NotNow
    try:
        told = json.loads(said)
        message = str((told.get("error") or told)["message"])[:MESSAGE_CHARACTERS]
    except (ValueError, KeyError, TypeError, AttributeError):
        message = ""
    raise Faulty(
        f"The model server answered {status}: {streams.storable(message) or 'without a reason'}",
        is_final=status < HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def _unreadable() -> Faulty:
    return Faulty("The model server's answer is not of OpenAI's form.", is_final=False)


def _usage(told: Mapping[str, Any]) -> tuple[int, int]:
    usage = told.get("usage") or {}
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    prompt, completion = (count if isinstance(count, int) and count >= 0 else 0 for count in counts)
    return prompt, completion


def _shared(start: list[int], tokens: list[int]) -> int:
    """How many tokens both begin with: a choice's first letters may join the prompt's last token.

    >>> _shared([1, 2, 3], [1, 2, 4, 5])
    2
    """
    pairs = zip(start, tokens, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), len(start))


def _sum_behind(place: int, tokens: list[int], rated: list[Any]) -> float:
    """The log-probabilities of the tokens from `place` on, added up: vLLM's {token: {"logprob"}} for each."""
    total = 0.0
    for token, row in zip(tokens[place:], rated[place:], strict=True):
        known = (row or {}).get(str(token)) or {}
        total += float(known.get("logprob", IMPOSSIBLE))
    return total
