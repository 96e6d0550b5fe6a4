"""What a client asks for when it makes a batch or lists what it has, read and checked."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from playground.gateway.errors import ApiError, bad_request
from portal.common.storable import is_storable

ENDPOINTS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
WINDOW = "24h"
# https://platform.openai.com/docs/api-reference/batch/create
METADATA_PAIRS_MAX = 16
METADATA_KEY_CHARACTERS_MAX = 64
METADATA_VALUE_CHARACTERS_MAX = 512
OUTPUT_SECONDS_MIN = 3600
KNOWN_FIELDS = frozenset(
    {"completion_window", "endpoint", "input_file_id", "metadata", "output_expires_after"}
)
PAGE_ROWS = 20


@dataclass(frozen=True)
class BatchWish:
    """A batch that somebody asks for."""

    input_file_id: str
    endpoint: str
    output_seconds: int
    completion_window: str = WINDOW
    metadata: dict[str, str] | None = None


@dataclass(frozen=True)
class PageWish:
    """A part of a list: `limit` rows behind the one with the id `after` ("": from the beginning)."""

    limit: int
    after: str


def read_batch(body: bytes) -> BatchWish:
    """Read the body of `POST /v1/batches`. Raises ApiError 400 that names the field."""
    fields = _object(body)
    if unknown := sorted(fields.keys() - KNOWN_FIELDS):
        raise bad_request("unknown_parameter", f"Unknown parameter: '{unknown[0]}'.", param=unknown[0])
    file_id = fields.get("input_file_id")
    if not isinstance(file_id, str) or not file_id:
        raise bad_request(
            "missing_required_parameter",
            "Name the file of requests in “input_file_id”. POST /v1/files takes one.",
            param="input_file_id",
        )
    if not is_storable(file_id):
        raise bad_request("invalid_value", "“input_file_id” names no file.", param="input_file_id")
    if fields.get("endpoint") not in ENDPOINTS:
        sentence = f"“endpoint” must be one of {', '.join(ENDPOINTS)}."
        raise bad_request("invalid_value", sentence, param="endpoint")
    if fields.get("completion_window") != WINDOW:
        raise bad_request("invalid_value", "“completion_window” must be “24h”.", param="completion_window")
    return BatchWish(
        input_file_id=file_id,
        endpoint=fields["endpoint"],
        output_seconds=_output_seconds(fields.get("output_expires_after")),
        metadata=_metadata(fields.get("metadata")),
    )


def read_page(query: dict[str, str], *, limit_max: int) -> PageWish:
    """Read `limit` and `after` of a list. Raises ApiError 400."""
    given = query.get("limit", "")
    limit = int(given) if given.isascii() and given.isdigit() and len(given) < len("100000") else 0
    if given and not 1 <= limit <= limit_max:
        raise bad_request("invalid_value", f"“limit” must be from 1 to {limit_max}.", param="limit")
    return PageWish(limit=limit or PAGE_ROWS, after=query.get("after", ""))


def read_choice(query: dict[str, str], name: str, *, among: Sequence[str]) -> str:
    """Read one of `among` from a list's query, "" where nothing is chosen. Raises ApiError 400."""
    given = query.get(name, "")
    if name in query and given not in among:
        raise bad_request("invalid_value", f"“{name}” must be one of {', '.join(among)}.", param=name)
    return given


def _object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _not_json() from error
    if not isinstance(fields, dict):
        raise _not_json()
    return fields


def _not_json() -> ApiError:
    return bad_request("invalid_json", "The request's body is not a JSON object in UTF-8.")


def _metadata(given: Any) -> dict[str, str] | None:
    if given is None:
        return None
    if not isinstance(given, dict) or len(given) > METADATA_PAIRS_MAX:
        sentence = f"“metadata” must be an object of at most {METADATA_PAIRS_MAX} pairs."
        raise bad_request("invalid_metadata", sentence, param="metadata")
    for name, value in given.items():
        is_short = (
            len(name) <= METADATA_KEY_CHARACTERS_MAX and len(str(value)) <= METADATA_VALUE_CHARACTERS_MAX
        )
        if not (is_storable(name) and is_storable(value) and is_short):
            raise bad_request(
                "invalid_metadata",
                f"Keys of “metadata” are strings of at most {METADATA_KEY_CHARACTERS_MAX} characters, values"
                f" strings of at most {METADATA_VALUE_CHARACTERS_MAX}.",
                param="metadata",
            )
    return given


def _output_seconds(given: Any) -> int:
    longest: int = settings.BATCH_FILE_DAYS * 24 * 3600
    if given is None:
        return longest
    seconds = given.get("seconds") if isinstance(given, dict) else None
    if isinstance(seconds, float) and seconds.is_integer():
        # In JSON 3600.0 is a whole number as well.
        seconds = int(seconds)
    if isinstance(seconds, int) and not isinstance(seconds, bool):
        is_right = given.get("anchor") == "created_at" and OUTPUT_SECONDS_MIN <= seconds <= longest
        if is_right:
            return seconds
    raise bad_request(
        "invalid_value",
        "“output_expires_after” must be {“anchor”: “created_at”, “seconds”: …} with"
        f" {OUTPUT_SECONDS_MIN} to {longest} seconds.",
        param="output_expires_after",
    )
