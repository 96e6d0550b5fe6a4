"""Reading a batch's file: each line is a request that may be asked, or the batch fails with reasons."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.conf import settings

from playground.batches.asking import ENDPOINTS
from playground.batches.models import Batch, BatchLine
from playground.gateway import guarding, presets, wishes
from playground.gateway.admission import find_route
from playground.gateway.errors import ApiError, from_refusal, model_not_found
from playground.gateway.wishes import Wish
from portal.common.refusals import Refusal
from portal.common.storable import is_storable
from portal.releases.models import Release

# A person mends the first of them and sends the file again; nobody reads thousands.
ERRORS_MAX = 100
CUSTOM_ID_CHARACTERS_MAX = 512


@dataclass
class Fault(Exception):  # noqa: N818 - it is told to a person
    """What is wrong with a file or, when `line` is given, one line of it: OpenAI's batch error."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None

    def told(self) -> dict[str, Any]:
        """As the batch object has it."""
        return {"code": self.code, "line": self.line, "message": self.message, "param": self.param}


@dataclass
class Reading:
    """What was found in a file: the lines to ask, the model they name, and what is wrong."""

    batch: Batch
    lines: list[BatchLine] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    release: Release | None = None
    _names: set[str] = field(default_factory=set)
    _custom_ids: set[str] = field(default_factory=set)

    def take(self, number: int, offset: int, raw: bytes) -> None:
        """Check one line and keep it. Raises Fault."""
        request = _object(raw)
        custom_id = request.get("custom_id")
        if (
            not isinstance(custom_id, str)
            or not is_storable(custom_id)
            or not 1 <= len(custom_id) <= CUSTOM_ID_CHARACTERS_MAX
        ):
            message = f"“custom_id” must be a string of 1 to {CUSTOM_ID_CHARACTERS_MAX} characters."
            raise Fault("invalid_custom_id", message, "custom_id")
        if custom_id in self._custom_ids:
            message = "Another line above has this “custom_id”. Each must be unique in its file."
            raise Fault("duplicate_custom_id", message, "custom_id")
        self._custom_ids.add(custom_id)
        _check_address(request, self.batch.endpoint)
        self._check_model(_wish(request).model)
        self.lines.append(
            BatchLine(
                batch=self.batch, number=number, custom_id=custom_id, offset=offset, size_bytes=len(raw)
            )
        )

    def _check_model(self, model: str) -> None:
        """The first line's model is the batch's, and it must be open to the key's owner."""
        if model in self._names:
            return
        if self.release is not None:
            message = f"All lines must ask the same model; the first asks {self.release.slug!r}."
            raise Fault("mismatched_model", message, "body.model")
        key = self.batch.key
        route = find_route((key.public_id, key.user_id, model))
        if route is None:
            raise _fault(model_not_found(model))
        if isinstance(route, Refusal):
            raise _fault(from_refusal(route, param="model"))
        self.release = route.release
        self._names = {route.release.slug, route.release.hub_id, route.release.served_model_name, model}


def read(batch: Batch) -> Reading:
    """Read the whole file of `batch`. It is held in memory a line at a time, and the lines' ids."""
    reading = Reading(batch)
    count = 0
    for number, offset, raw in _lines(batch.input_file.path):
        if not raw.strip():
            continue
        count += 1
        if count > settings.BATCH_LINES_MAX:
            message = f"A file may have {settings.BATCH_LINES_MAX:,} requests at most. Split it into several."
            reading.faults.append(Fault("too_many_requests", message, line=number))
            break
        try:
            reading.take(number, offset, raw)
        except Fault as fault:
            fault.line = number
            reading.faults.append(fault)
        if len(reading.faults) >= ERRORS_MAX:
            break
    if not count:
        reading.faults.append(Fault("empty_file", "The file has no requests."))
    return reading


def request_in(raw: bytes) -> Wish:
    """The request that a checked line holds, as the gateway reads one."""
    return _wish(_object(raw))


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Each line with its number and offset; of one that is too long only as much as shows it."""
    longest = settings.GATEWAY_BODY_BYTES_MAX
    with path.open("rb") as source:
        number = offset = 0
        while raw := source.readline(longest + 1):
            number += 1
            yield number, offset, raw
            if len(raw) > longest:
                while (rest := source.readline(longest)) and not rest.endswith(b"\n"):
                    continue
            offset = source.tell()


def _object(raw: bytes) -> dict[str, Any]:
    if len(raw) > settings.GATEWAY_BODY_BYTES_MAX:
        message = f"This line is longer than {settings.GATEWAY_BODY_BYTES_MAX:,} bytes."
        raise Fault("line_too_long", message)
    try:
        request = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Fault("invalid_json_line", "This line is not parseable as valid JSON.") from error
    if not isinstance(request, dict):
        raise Fault("invalid_json_line", "This line is not a JSON object.")
    return request


def _check_address(request: dict[str, Any], endpoint: str) -> None:
    if request.get("method") != "POST":
        raise Fault("invalid_method", "“method” must be “POST”.", "method")
    if request.get("url") not in ENDPOINTS:
        raise Fault("invalid_url", f"“url” must be one of {', '.join(ENDPOINTS)}.", "url")
    if request["url"] != endpoint:
        message = f"“url” must be the batch's endpoint, {endpoint}."
        raise Fault("mismatched_url", message, "url")


def _wish(request: dict[str, Any]) -> Wish:
    body = request.get("body")
    if not isinstance(body, dict):
        raise Fault("invalid_body", "“body” must be an object: the request's own body.", "body")
    if presets.FIELD in body:
        # It would be looked up when the line is asked, perhaps hours after the file was checked.
        message = "Presets are not for batches. Write what the preset holds into each line."
        raise Fault("field_not_allowed", message, f"body.{presets.FIELD}")
    try:
        wish = wishes.read(json.dumps(body, separators=(",", ":")).encode())
        guarding.require_harmless(wish.fields)
    except ApiError as error:
        raise _fault(error) from error
    if wish.is_stream:
        raise Fault("stream_not_supported", "A request of a batch cannot be streamed.", "body.stream")
    return wish


def _fault(error: ApiError) -> Fault:
    """An error of the gateway's as it stands in a batch's list."""
    param = f"body.{error.param}" if error.param else None
    message = f"{error.message} See {error.link}" if error.link else error.message
    return Fault(error.code or HTTPStatus(error.status).phrase.lower().replace(" ", "_"), message, param)
