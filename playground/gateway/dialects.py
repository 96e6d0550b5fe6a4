"""How the API's endpoints differ: what is put into a request, how its stream is read, how errors look."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from playground.gateway.errors import ApiError, as_json, bad_request

CHAT, COMPLETIONS, EMBEDDINGS = b"/v1/chat/completions", b"/v1/completions", b"/v1/embeddings"
RESPONSES, MESSAGES, COUNT_TOKENS = b"/v1/responses", b"/v1/messages", b"/v1/messages/count_tokens"
# Of all that a model server offers, these and nothing else can be reached.
FORWARDED = frozenset({CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES, MESSAGES, COUNT_TOKENS})
ANTHROPICS = frozenset({MESSAGES, COUNT_TOKENS})
# Anthropic's names (https://docs.anthropic.com/en/api/errors).
ANTHROPIC_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "overloaded_error",
    HTTPStatus.GATEWAY_TIMEOUT: "timeout_error",
}
# Tools that the model calls and the client runs. The others the model server would run itself, asking the
# model again after each, beyond what was held for the request.
CLIENT_TOOLS = frozenset({"function", "custom"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """One endpoint's manners. `added` is put into each request; `check` refuses what may not be asked."""

    # Whether usage is asked for with each event of a stream, as vLLM's stream_options have it.
    asks_usage: bool = False
    # Whether streams are of typed events, and answers repeat what was asked.
    is_typed: bool = False
    added: dict[str, Any] | None = None
    check: Callable[[dict[str, Any]], None] | None = None


def _require_own_response(fields: dict[str, Any]) -> None:
    """Refuse what refers to answers that the model server keeps: it keeps everybody's in one place."""
    for name in ("previous_response_id", "conversation", "prompt"):
        if fields.get(name) is not None:
            raise bad_request(
                "field_not_allowed",
                f"The field “{name}” is not open here: nothing is stored. Send all of it in “input”.",
                param=name,
            )
    if fields.get("background"):
        raise bad_request(
            "field_not_allowed",
            "The field “background” is not open here. Use the Batch API for what may wait.",
            param="background",
        )
    tools = fields.get("tools")
    for tool in tools if isinstance(tools, list) else []:
        if isinstance(tool, dict) and tool.get("type", "function") not in CLIENT_TOOLS:
            raise bad_request(
                "field_not_allowed",
                "Tools are functions that your program runs; others are not open here.",
                param="tools",
            )


DIALECTS = {
    CHAT: Dialect(asks_usage=True),
    COMPLETIONS: Dialect(asks_usage=True),
    EMBEDDINGS: Dialect(),
    # vLLM ignores it by default, and an operator who switched its store on would share it among all.
    RESPONSES: Dialect(is_typed=True, added={"store": False}, check=_require_own_response),
    MESSAGES: Dialect(is_typed=True),
    COUNT_TOKENS: Dialect(is_typed=True),
}


def error_body(path: bytes, error: ApiError, *, request_id: str) -> bytes:
    """`error` as the clients of the endpoint expect it."""
    if path != MESSAGES and not path.startswith(MESSAGES + b"/"):
        return error.body()
    return as_json(_anthropic(error, request_id))


def error_event(path: bytes, error: ApiError, *, request_id: str) -> bytes:
    """`error` as an event that ends a stream."""
    if path in ANTHROPICS:
        return b"event: error\ndata: " + error_body(path, error, request_id=request_id) + b"\n\n"
    if path == RESPONSES:
        ours = error.told()
        told = {"type": "error", "code": ours["code"], "message": ours["message"], "param": ours["param"]}
        return b"event: error\ndata: " + as_json(told) + b"\n\n"
    return b"data: " + error.body() + b"\n\n"


def _anthropic(error: ApiError, request_id: str) -> dict[str, Any]:
    """https://docs.anthropic.com/en/api/errors#error-shapes, with our code and link beside."""
    ours = error.told()
    fallback = "api_error" if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    kind = ANTHROPIC_TYPES.get(HTTPStatus(error.status), fallback)
    told: dict[str, Any] = {"type": kind, "message": ours["message"], "code": error.code}
    if "link" in ours:
        told["link"] = ours["link"]
    return {"type": "error", "error": told, "request_id": request_id}
