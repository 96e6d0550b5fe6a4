"""The client of a model server: a streamed completion or a whole answer, and what can go wrong in words."""

import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from django.conf import settings

from playground import streams
from playground.reading import logprobs_in
from playground.serving import Backend

# A line of an event stream is some hundred bytes; what goes on for longer is no event stream.
LINE_MAX_BYTES = 1_000_000
ERROR_MAX_BYTES = 64_000
# Log-probabilities of a long answer take some megabytes.
ANSWER_MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Delta:
    """One piece of an answer. Counts are those so far, None where the server does not tell."""

    text: str = ""
    finish_reason: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    logprobs: list[list[Any]] = field(default_factory=list)


class UpstreamFailure(Exception):  # noqa: N818 - it is told to a person
    """The model server could not answer: a stable `code` and a sentence for a person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code)
        self.code = code
        self.sentence = sentence


class ContextExceeded(UpstreamFailure):
    """The prompt and the tokens asked for do not fit into the model's context together."""


# What of a request makes its prompt.
_TOKENIZED = ("model", "messages", "prompt", "tools", "add_generation_prompt", "continue_final_message")

AWAY = UpstreamFailure(
    "model_away", "The model server is not answering. Your prompt is kept: press Retry in a moment."
)
SILENT = UpstreamFailure(
    "model_silent",
    "The model server said nothing for too long. What had arrived is kept: press Retry to ask again.",
)
LOST = UpstreamFailure(
    "model_lost",
    "The connection to the model server broke off. What had arrived is kept: press Retry to ask again.",
)


def new_session(*, silence_seconds: float | None = None) -> aiohttp.ClientSession:
    """A session without a limit of connections: the worker's concurrency is the limit.

    `silence_seconds` is how long an answer may pause (None: as long as one that is streamed).
    """
    timeout = aiohttp.ClientTimeout(
        total=None,
        sock_connect=settings.VLLM_CONNECT_TIMEOUT_SECONDS,
        sock_read=silence_seconds or settings.VLLM_READ_TIMEOUT_SECONDS,
    )
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout)


async def stream(
    session: aiohttp.ClientSession, path: str, body: Mapping[str, Any], *, backend: Backend
) -> AsyncGenerator[Delta, None]:
    """The pieces of the answer to `body` (OpenAI's request of a chat completion or completion) as they come.

    Closing the generator closes the connection, which is how vLLM is told to stop.
    Raises UpstreamFailure.
    """
    # https://docs.vllm.ai: continuous_usage_stats tells the counts with each piece, so that
    # a stopped answer has them, too.
    options = {"include_usage": True, "continuous_usage_stats": True}
    asked = {**body, "stream": True, "stream_options": options}
    has_finished = False
    async with _post(session, path, asked, backend=backend) as response:
        if response.status != 200:  # noqa: PLR2004
            raise _refused(response.status, await response.content.read(ERROR_MAX_BYTES))
        async for line in _lines(response):
            if line == "[DONE]":
                return
            delta = _delta(line)
            has_finished = has_finished or bool(delta.finish_reason)
            yield delta
    if not has_finished:
        raise LOST


async def count_tokens(
    session: aiohttp.ClientSession, body: Mapping[str, Any], *, backend: Backend
) -> tuple[int, int] | None:
    """How many tokens the prompt of `body` is, and the context's length; None where there is no /tokenize."""
    told = await tokenize(session, body, backend=backend)
    return None if told is None else (int(told["count"]), int(told["max_model_len"]))


async def tokenize(
    session: aiohttp.ClientSession, body: Mapping[str, Any], *, backend: Backend
) -> dict[str, Any] | None:
    """The answer of vLLM's /tokenize: {"count", "max_model_len", "tokens"}; None where there is none."""
    told = {name: body[name] for name in _TOKENIZED if name in body}
    return await _told(session, "/tokenize", told, backend=backend)


async def detokenize(
    session: aiohttp.ClientSession, model: str, tokens: list[int], *, backend: Backend
) -> str | None:
    """VLLM's /detokenize: the text of `tokens`; None where the server has none."""
    told = await _told(session, "/detokenize", {"model": model, "tokens": tokens}, backend=backend)
    return None if told is None else streams.storable(told["prompt"])


async def _told(
    session: aiohttp.ClientSession, path: str, body: Mapping[str, Any], *, backend: Backend
) -> dict[str, Any] | None:
    async with _post(session, path, body, backend=backend) as response:
        if response.status != 200:  # noqa: PLR2004
            return None
        return dict(await response.json())


async def ask(
    session: aiohttp.ClientSession, path: str, body: bytes, *, backend: Backend, request_id: str
) -> tuple[int, bytes]:
    """The status and the whole body of the answer to `body` (JSON), which was not asked for as a stream.

    Raises UpstreamFailure, LOST for an answer that is too large to be one, too.
    """
    headers = {"Content-Type": "application/json", "X-Request-Id": request_id}
    async with _post(session, path, body, backend=backend, headers=headers) as response:
        said = bytearray()
        async for piece in response.content.iter_any():
            said += piece
            if len(said) > ANSWER_MAX_BYTES:
                raise LOST
        return response.status, bytes(said)


@asynccontextmanager
async def _post(
    session: aiohttp.ClientSession,
    path: str,
    body: Mapping[str, Any] | bytes,
    *,
    backend: Backend,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """POST `body`; aiohttp's errors, while the answer is read too, become UpstreamFailures."""
    if not backend.base_url:
        raise UpstreamFailure("model_unknown", "No model server is configured for this release.")
    all_headers = dict(headers or {})
    if backend.api_key:
        all_headers["Authorization"] = f"Bearer {backend.api_key}"
    sent: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
    try:
        async with session.post(backend.base_url + path, headers=all_headers, **sent) as response:
            yield response
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, ssl.SSLError) as error:
        raise AWAY from error
    except aiohttp.ServerTimeoutError as error:
        raise SILENT from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise LOST from error


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    """The data of each event. Pieces of the network and lines of the stream need not agree."""
    rest = b""
    async for piece in response.content.iter_any():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip().decode("utf-8", "replace")
        if len(rest) > LINE_MAX_BYTES:
            raise LOST


def _delta(line: str) -> Delta:
    """Read one chunk (OpenAI's `chat.completion.chunk`, or `{"error": ...}` from vLLM in mid-stream)."""
    try:
        chunk = json.loads(line)
    except ValueError as error:
        raise LOST from error
    if "error" in chunk:
        raise _broken()
    usage = chunk.get("usage") or {}
    choice: dict[str, Any] = next(iter(chunk.get("choices") or ()), {})
    delta = choice.get("delta") or {}
    return Delta(
        text=streams.storable(delta.get("content") or choice.get("text") or ""),
        finish_reason=choice.get("finish_reason") or "",
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        tool_calls=delta.get("tool_calls") or [],
        logprobs=logprobs_in(choice.get("logprobs") or {}),
    )


def _refused(status: int, body: bytes) -> UpstreamFailure:
    """Read vLLM's error answer: `{"error": {"message": ..., "type": ..., "code": ...}}`."""
    message = _message(body)
    if status == 400 and ("context length" in message or "max_model_len" in message):  # noqa: PLR2004
        return ContextExceeded(
            "prompt_too_long",
            "Your prompt, with what came before it, is longer than the model can read."
            " Shorten it, or start a new conversation.",
        )
    if status == 404:  # noqa: PLR2004
        return UpstreamFailure(
            "model_not_served",
            "The model server does not serve this release at present. Tell the organisation, or try later.",
        )
    if status in {429, 503}:
        return UpstreamFailure("model_busy", "The model server is busy. Press Retry in a moment.")
    if status < 500:  # noqa: PLR2004
        return UpstreamFailure(
            "model_refused", f"The model server did not accept the request: {message[:300] or status}"
        )
    return _broken()


def _broken() -> UpstreamFailure:
    return UpstreamFailure(
        "model_failed", "The model server failed while it worked on your prompt. Press Retry to ask again."
    )


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return ""
