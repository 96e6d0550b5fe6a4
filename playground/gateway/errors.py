"""How the gateway says no: every refusal and failure as OpenAI's error object."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.conf import settings

from playground.reference.codes import address_of
from portal.common.refusals import Refusal

JSON_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}
# What vLLM calls its errors, in OpenAI's words; its `code` is the status again, which tells nothing.
CONTEXT_WORDS = ("maximum context length", "maximum model length", "longer than the maximum")


class ClientGone(Exception):  # noqa: N818 - nothing went wrong
    """The client has left, so that nobody waits for an answer any more."""


@dataclass
class ApiError(Exception):
    """An answer in the shape of https://platform.openai.com/docs/guides/error-codes.

    `link` is an absolute URL of the step that helps, "" for the one that explains the code; it stands
    in the message too, since client libraries show nothing else. `headers` are added to the answer's.
    """

    status: int
    code: str
    message: str
    param: str | None = None
    link: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    # OpenAI's `type`; "" for the one that belongs to the status.
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.status} {self.code}"

    def body(self) -> bytes:
        """The JSON of the answer."""
        return as_json({"error": self.told()})

    def told(self) -> dict[str, Any]:
        """OpenAI's error object, with our link."""
        kind = "server_error" if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
        link = self.link or address_of(self.code)
        error: dict[str, Any] = {
            "message": f"{self.message} See {link}" if link else self.message,
            "type": self.kind or TYPES.get(HTTPStatus(self.status), kind),
            "param": self.param,
            "code": self.code,
        }
        if link:
            error["link"] = link
        return error


def as_json(told: dict[str, Any]) -> bytes:
    r"""JSON in UTF-8; half of a surrogate pair, which UTF-8 has no bytes for, stays an escape.

    >>> as_json({"message": "“\ud800”"}).decode()
    '{"message": "“\\ud800”"}'
    """
    return json.dumps(told, ensure_ascii=False).encode(errors="backslashreplace")


def from_refusal(refusal: Refusal, *, param: str | None = None) -> ApiError:
    """The refusal of another floor, its remedy as an absolute link."""
    headers = {"www-authenticate": "Bearer"} if refusal.status == HTTPStatus.UNAUTHORIZED else {}
    return ApiError(
        status=refusal.status,
        code=refusal.code,
        message=refusal.sentence,
        param=param,
        link=f"{settings.PORTAL_URL}{refusal.remedy}" if refusal.remedy else "",
        headers=headers,
    )


def bad_request(code: str, message: str, *, param: str | None = None) -> ApiError:
    """A request that the client must change."""
    return ApiError(HTTPStatus.BAD_REQUEST, code, message, param=param)


def model_not_found(model: str) -> ApiError:
    """A model that does not exist, or that nobody may know of yet; with OpenAI's code."""
    message = f"The model {model[:200]!r} does not exist. GET /v1/models lists those that are open to you."
    return ApiError(HTTPStatus.NOT_FOUND, "model_not_found", message, param="model")


def away(code: str, message: str, *, retry_after_seconds: int = 5) -> ApiError:
    """Something behind the gateway does not answer at present: 503, which clients try again."""
    headers = {"retry-after": str(retry_after_seconds)}
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, code, message, headers=headers)


def model_server_lost() -> ApiError:
    """The model server closed the connection before its answer was whole."""
    return ApiError(
        HTTPStatus.BAD_GATEWAY,
        "model_server_lost",
        "The model server broke off in the middle of its answer. Send the request again.",
    )


def model_server_silent() -> ApiError:
    """The model server did not answer, or did not go on, in time."""
    return ApiError(
        HTTPStatus.GATEWAY_TIMEOUT,
        "model_server_silent",
        "The model server said nothing for too long. Try again, with a smaller max_tokens perhaps.",
    )


def from_backend(status: int, body: bytes) -> ApiError:
    """The model server's own error, in OpenAI's shape.

    Messages about the request are passed on; those about the server's insides are not.
    """
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ApiError(
            HTTPStatus.BAD_GATEWAY,
            "model_server_refused",
            "The model server does not know this portal. The portal's staff must set its key.",
        )
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return away("model_unavailable", "The model server is overloaded or stopping. Try again in a moment.")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ApiError(
            HTTPStatus.BAD_GATEWAY,
            "model_server_failed",
            "The model server failed on this request. Try again; if it stays, tell us the x-request-id.",
        )
    message, param = _told(body)
    is_too_long = any(words in message for words in CONTEXT_WORDS)
    code = "context_length_exceeded" if is_too_long else "refused_by_model"
    if status == HTTPStatus.NOT_FOUND:
        code, message = "unsupported_by_model", "This model does not offer this endpoint."
    return ApiError(status, code, message or "The model server refused this request.", param=param)


def _told(body: bytes) -> tuple[str, str | None]:
    """The message and the parameter in vLLM's error: nested, flat as in old versions, or FastAPI's."""
    try:
        told = json.loads(body)
    except ValueError:
        return "", None
    if not isinstance(told, dict):
        return "", None
    error = told.get("error", told)
    if not isinstance(error, dict):
        return str(error), None
    message, param = error.get("message") or error.get("detail") or "", error.get("param")
    # Where vLLM checks the body's shape, it says from where: "body.messages.0" is OpenAI's "messages.0".
    named = param.removeprefix("body.") if isinstance(param, str) else None
    return message if isinstance(message, str) else json.dumps(message), named
