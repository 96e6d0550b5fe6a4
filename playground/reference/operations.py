"""What can be asked of the API: its addresses and methods, as OpenAPI has them."""

from http import HTTPStatus
from typing import Any

from playground.reference.codes import CODES
from playground.reference.fields import JSON, ref

RATE_HEADERS = {
    "x-ratelimit-limit-requests": "Requests that you may send a minute.",
    "x-ratelimit-remaining-requests": "How many of them are left.",
    "x-ratelimit-reset-requests": "When all of them are back, such as 120ms or 1m0s.",
    "x-ratelimit-limit-tokens": "Tokens that the nearest limit allows.",
    "x-ratelimit-remaining-tokens": "How many of them are left.",
    "x-ratelimit-reset-tokens": "When all of them are back; not there for those that never come back.",
}
WHOLE_NUMBERS = "-limit-", "-remaining-"
STATUSES = sorted({int(row.status) for row in CODES.values() if row.status})
JSON_KIND = "application/json"
# The endpoints that answer as Anthropic's have errors of their own.
ANTHROPICS = "Anthropic"
# What the events of a stream are, by the schema of the request that asks for it.
EVENTS = {
    "ChatRequest": "Each event's data is a ChatCompletionChunk; the last one's is [DONE].",
    "CompletionRequest": "Each event's data is a part of a Completion; the last one's is [DONE].",
    "ResponseRequest": "OpenAI's typed events.",
    "AnthropicRequest": "Anthropic's typed events.",
}


def headers() -> JSON:
    """The headers of answers, by name."""
    told: JSON = {
        "x-request-id": {
            "required": True,
            "description": "The request's id. Tell it to us with a question.",
            "schema": {"type": "string"},
        },
        "retry-after": {
            "description": "Seconds to wait before the next try.",
            "schema": {"type": "integer", "minimum": 0},
        },
        "x-should-retry": {"description": "“false” where waiting is in vain.", "schema": {"type": "string"}},
    }
    for name, description in RATE_HEADERS.items():
        is_number = any(part in name for part in WHOLE_NUMBERS)
        schema = {"type": "integer", "minimum": 0} if is_number else {"type": "string"}
        told[name] = {"description": f"{description} Only where such a limit is in force.", "schema": schema}
    return told


def responses() -> JSON:
    """The answers that are errors, by name: one for each status, which tells the codes it comes with."""
    return {
        f"{prefix}Error{status}": _error_response(status, schema=f"{prefix}Error")
        for prefix in ("", ANTHROPICS)
        for status in STATUSES
    }


def _error_response(status: int, *, schema: str) -> JSON:
    rows = [row for row in CODES.values() if row.status == status]
    lines = "\n".join(f"- `{row.code}`: {row.meaning} {row.advice}" for row in rows)
    names = ["x-request-id"]
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        names += ["retry-after", "x-should-retry", *RATE_HEADERS]
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        names += ["retry-after"]
    return {
        "description": f"{HTTPStatus(status).phrase}.\n\n{lines}",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {JSON_KIND: {"schema": ref(schema)}},
        "x-error-codes": [row.code for row in rows],
    }


def operation(
    name: str,
    tag: str,
    summary: str,
    *,
    answer: str,
    request: str = "",
    kind: str = JSON_KIND,
    links: JSON | None = None,
    **more: Any,
) -> JSON:
    """One operation: its answer's and its request's schema by name, and what else OpenAPI has of it.

    `links` lead from its answer to the operations that take what it names.
    """
    errors = f"{ANTHROPICS if request.startswith(ANTHROPICS) else ''}Error"
    told: JSON = {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "responses": {
            "200": {
                "description": "The answer.",
                "headers": {
                    header: {"$ref": f"#/components/headers/{header}"}
                    for header in ("x-request-id", *RATE_HEADERS)
                },
                "content": {kind: {"schema": ref(answer) if answer else {}}, **_streamed(request)},
            },
            **{str(status): {"$ref": f"#/components/responses/{errors}{status}"} for status in STATUSES},
        },
        **more,
    }
    if links:
        told["responses"]["200"]["links"] = links
    if request:
        told["requestBody"] = {"required": True, "content": {JSON_KIND: {"schema": ref(request)}}}
    return told


def _streamed(request: str) -> JSON:
    """The content of a stream, for a request that may ask for one."""
    if request not in EVENTS:
        return {}
    # Without a type: tools disagree whether it would be that of the whole stream or of an event.
    return {"text/event-stream": {"schema": {"description": EVENTS[request]}}}


MODEL_ID = {
    "name": "model",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
    "description": "The model's id.",
}
MODELS: JSON = {
    "/models": {
        "get": operation("listModels", "Models", "List the models that are open to you", answer="ModelList")
    },
    "/models/{model}": {
        "parameters": [MODEL_ID],
        "get": operation("retrieveModel", "Models", "Retrieve one model, or why it is shut", answer="Model"),
    },
}
# Behind each a model server may or may not have an endpoint of the same name.
FORWARDED: JSON = {
    "/chat/completions": operation(
        "createChatCompletion",
        "Words",
        "Go on with a conversation",
        request="ChatRequest",
        answer="ChatCompletion",
    ),
    "/completions": operation(
        "createCompletion",
        "Words",
        "Go on with a text",
        request="CompletionRequest",
        answer="Completion",
    ),
    "/embeddings": operation(
        "createEmbedding",
        "Embeddings",
        "Turn texts into vectors, where the model does",
        request="EmbeddingRequest",
        answer="Embeddings",
    ),
    "/responses": operation(
        "createResponse",
        "Words",
        "OpenAI's newer way to ask, where the model server has it",
        request="ResponseRequest",
        answer="",
    ),
    "/messages": operation(
        "createMessage",
        "Words",
        "Anthropic's way to ask, where the model server has it",
        request="AnthropicRequest",
        answer="",
    ),
    "/messages/count_tokens": operation(
        "countMessageTokens",
        "Words",
        "Anthropic's count of a request's tokens, where the model server has it",
        request="AnthropicCountRequest",
        answer="",
    ),
}


def paths(forwarded: frozenset[bytes]) -> JSON:
    """Every address; of those that are handed on, the ones in `forwarded` (as `/v1/…`)."""
    open_ones = {
        path: {"post": operation}
        for path, operation in FORWARDED.items()
        if f"/v1{path}".encode() in forwarded
    }
    return {**MODELS, **open_ones}
