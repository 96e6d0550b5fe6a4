"""What a request may come to at worst, in tokens, before anything is generated."""

import http.client
import json
import re
import ssl
import time
from http import HTTPStatus
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from playground.gateway.errors import bad_request

# What a chat template adds of its own: preamble, roles, the opening of the answer. The largest that we
# know of, with tools and today's date, stays below 400; what it adds a message is less than its JSON.
TEMPLATE_TOKENS = 512
# What is put before and behind a text that goes through no template.
SPECIAL_TOKENS = 8
# With one of these a prompt can grow beyond the bytes of the request, so all of the context may be used.
GROWING_FIELDS = frozenset(
    {"chat_template", "conversation", "mm_processor_kwargs", "previous_response_id", "prompt_embeds"}
)
TEXT_PARTS = frozenset({"text", "input_text", "output_text", "refusal"})
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
# Where the texts stand that go through no template, and may be several.
TEXTS_IN = {b"/v1/completions": "prompt", b"/v1/embeddings": "input"}
# What only reads: vectors, and Anthropic's count of tokens.
WITHOUT_ANSWER = frozenset({b"/v1/embeddings", b"/v1/messages/count_tokens"})
COMPLETION_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")

KNOWN_SECONDS = 60
UNKNOWN_SECONDS = 5
ASK_TIMEOUT_SECONDS = 2
ANSWER_BYTES_MAX = 1024 * 1024

_contexts: dict[tuple[str, str, str], tuple[int, float]] = {}
_asking = Lock()


class WorstCase(NamedTuple):
    """The most tokens to which a request can come, and how many of them its prompt can be."""

    tokens: int
    prompt_tokens: int


def worst_case(path: bytes, fields: dict[str, Any], *, body_bytes: int, context_tokens: int) -> WorstCase:
    """The most tokens, prompt and completion together, to which a request can come. No I/O.

    `body_bytes` is the body's length: a byte-level tokenizer makes one token of a byte at most,
    and JSON takes a byte at least for each byte and each token id that it holds. With `n`
    answers of at most M tokens in a context of C the prompt P counts once, and no answer is
    longer than what the prompt leaves; the worst is min(P, C - M) + n M.

    Raises ApiError 400 for an `n` or `best_of` that is not a whole number.
    """
    answers = max(_whole_number(fields, "n"), _whole_number(fields, "best_of"))
    longest = 0 if path in WITHOUT_ANSWER else _longest_answer(fields, context_tokens)
    texts, prompt = 1, body_bytes + TEMPLATE_TOKENS
    if path in TEXTS_IN and "messages" not in fields:
        texts = _count_of_prompts(fields.get(TEXTS_IN[path]))
        prompt = body_bytes + texts * SPECIAL_TOKENS
    if "tools" in fields:
        prompt += _bytes_when_indented(fields["tools"])
    if _may_grow(fields):
        prompt = texts * context_tokens
    return WorstCase(
        tokens=min(prompt, texts * (context_tokens - longest)) + texts * answers * longest,
        prompt_tokens=min(prompt, texts * context_tokens),
    )


def context_tokens(base_url: str, *, api_key: str, model: str, otherwise: int | None = None) -> int:
    """The length of `model`'s context as its server tells it in /v1/models.

    Where it does not, `otherwise`, or the settings' when nobody wrote down that either.

    Asks at most once a minute, and waits for two seconds at most. Call it in a thread.
    """
    question = (base_url, api_key, model)
    known = _contexts.get(question)
    if known is not None and known[1] > time.monotonic():
        return known[0]
    with _asking:
        known = _contexts.get(question)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        told = _asked_context(base_url, api_key, model)
        kept_seconds = KNOWN_SECONDS if told else UNKNOWN_SECONDS
        # A server that is away has not changed its model, as far as anybody knows.
        tokens = told or (known[0] if known else otherwise or settings.GATEWAY_CONTEXT_TOKENS)
        _contexts[question] = (tokens, time.monotonic() + kept_seconds)
    return tokens


def _asked_context(base_url: str, api_key: str, model: str) -> int | None:
    """The model's `max_model_len`, which vLLM tells; None when nobody does."""
    if not base_url:
        return None
    parts = urlsplit(base_url)
    is_tls = parts.scheme == "https"
    connect = http.client.HTTPSConnection if is_tls else http.client.HTTPConnection
    more: dict[str, Any] = {"context": ssl.create_default_context()} if is_tls else {}
    connection = connect(parts.hostname or "", parts.port, timeout=ASK_TIMEOUT_SECONDS, **more)
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        connection.request("GET", f"{parts.path.rstrip('/').removesuffix('/v1')}/v1/models", headers=headers)
        answer = connection.getresponse()
        if answer.status != HTTPStatus.OK:
            return None
        told = json.loads(answer.read(ANSWER_BYTES_MAX))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    models = told.get("data") if isinstance(told, dict) else None
    for one in models if isinstance(models, list) else []:
        if isinstance(one, dict) and one.get("id") == model:
            length = one.get("max_model_len")
            return length if isinstance(length, int) and length > 0 else None
    return None


def _whole_number(fields: dict[str, Any], name: str) -> int:
    given = fields.get(name)
    if given is None:
        return 1
    if isinstance(given, float) and given.is_integer():
        # In JSON 2.0 is a whole number as well, and vLLM takes it for one.
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool):
        raise bad_request("invalid_type", f"The field “{name}” must be a whole number.", param=name)
    return max(given, 1)


def _count_of_prompts(given: object) -> int:
    """How many prompts `prompt` or `input` holds: a list is one of texts, one of lists, or of token ids."""
    if not isinstance(given, list) or not given or isinstance(given[0], int):
        return 1
    return len(given)


def _longest_answer(fields: dict[str, Any], context_tokens: int) -> int:
    """The tokens of one answer: the largest of the limits given, the context where none is or one is odd."""
    given = [fields[name] for name in COMPLETION_LIMITS if fields.get(name) is not None]
    if not given or not all(isinstance(number, int) and number > 0 for number in given):
        return context_tokens
    longest: int = max(given)
    return min(longest, context_tokens)


def _may_grow(fields: dict[str, Any]) -> bool:
    """Whether the prompt may be longer than the bytes that were sent: pictures, templates, what is stored."""
    if not GROWING_FIELDS.isdisjoint(fields):
        return True
    messages = fields.get("messages", fields.get("input"))
    if not isinstance(messages, list):
        return False
    return any(
        isinstance(message, dict)
        and isinstance(message.get("content"), list)
        and any(
            not isinstance(part, dict) or part.get("type") not in TEXT_PARTS for part in message["content"]
        )
        for message in messages
    )


def _bytes_when_indented(tools: object) -> int:
    """How long the description of tools is at most, as templates write it: a line each, four spaces a level.

    >>> tools = [{"a": {"b": [1, 2]}}]
    >>> _bytes_when_indented(tools) >= len(json.dumps(tools, indent=4))
    True
    """
    text = json.dumps(tools)
    bones = STRINGS.sub("", text)
    depth = deepest = 0
    for bone in bones:
        if bone in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif bone in "]}":
            depth -= 1
    lines = bones.count(",") + 2 * (bones.count("[") + bones.count("{"))
    return len(text) + lines * (4 * deepest + 1)
