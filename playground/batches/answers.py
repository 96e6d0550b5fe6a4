"""How a settled line looks in a batch's files, and what the model server's answer to it means."""

import json
import secrets
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any

from playground.batches.models import BatchStatus
from playground.gateway import errors
from playground.gateway.errors import ApiError
from playground.gateway.metering import Used
from playground.upstream import LOST, UpstreamFailure

WORKER_LOST = (
    "worker_lost",
    (
        "The portal's worker stopped while this request was with the model. It may have been answered, so it"
        " was not asked again. Send it in a new batch."
    ),
)
# Why what was not asked was not asked; a failed batch has its own reason.
UNASKED = {
    BatchStatus.EXPIRED: (
        "batch_expired",
        "This request could not be executed before the completion window expired.",
    ),
    BatchStatus.CANCELLED: ("batch_cancelled", "The batch was cancelled before this request was executed."),
}


class Verdict(Enum):
    """What an answer means for its line."""

    ANSWERED = "answered"
    REFUSED = "refused"
    # The engine failed on it; it is asked again, a few times.
    FAILED = "failed"
    # The engine takes nothing at present; the line is asked again for as long as the batch lives.
    NOT_NOW = "not now"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking one line. `body` is the answer's JSON, or OpenAI's error object."""

    verdict: Verdict
    status: int
    body: Any
    request_id: str
    used: Used = field(default_factory=Used)


def new_request_id() -> str:
    """An id for one request, as the gateway makes them."""
    return f"req_{secrets.token_hex(16)}"


def read(status: int, body: bytes, *, request_id: str) -> Answer:
    """What the model server's answer means; its errors in the gateway's words."""
    if status != HTTPStatus.OK:
        return failed(errors.from_backend(status, body), request_id=request_id)
    try:
        told = json.loads(body)
    except ValueError:
        return failed(errors.model_server_lost(), request_id=request_id)
    used = Used()
    used.read(told.get("usage") if isinstance(told, dict) else None)
    return Answer(Verdict.ANSWERED, status, told, request_id, used)


def not_had(failure: UpstreamFailure, *, request_id: str) -> Answer:
    """What it means that there was no answer."""
    if failure is LOST:
        return failed(errors.model_server_lost(), request_id=request_id)
    if failure.code == "model_silent":
        return failed(errors.model_server_silent(), request_id=request_id)
    return failed(errors.away("model_unavailable", failure.sentence), request_id=request_id)


def broken(*, request_id: str) -> Answer:
    """What it means that the portal itself failed on a line."""
    sentence = "The portal failed on this request. If it stays, tell us its request_id."
    error = ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", sentence)
    return failed(error, request_id=request_id)


def failed(error: ApiError, *, request_id: str) -> Answer:
    """What an error means."""
    verdict = Verdict.REFUSED
    if error.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        verdict = Verdict.NOT_NOW
    elif error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        verdict = Verdict.FAILED
    return Answer(verdict, int(error.status), json.loads(error.body()), request_id)


def response_line(custom_id: str, answer: Answer) -> str:
    """A line of the output file, or of the error file for an answer that is an error.

    https://platform.openai.com/docs/api-reference/batch/request-output
    """
    response = {"status_code": answer.status, "request_id": answer.request_id, "body": answer.body}
    return _line(custom_id, response=response, error=None)


def error_line(custom_id: str, *, code: str, message: str) -> str:
    """A line of the error file for a request that has no answer."""
    return _line(custom_id, response=None, error={"code": code, "message": message})


def _line(custom_id: str, *, response: dict[str, Any] | None, error: dict[str, str] | None) -> str:
    # Escaped to ASCII: the database takes no NUL, and no encoder half of a surrogate pair.
    return json.dumps(
        {
            "id": f"batch_req_{secrets.token_hex(16)}",
            "custom_id": custom_id,
            "response": response,
            "error": error,
        }
    )
