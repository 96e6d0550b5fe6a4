"""What a request's body asks for, and the least change that the model server needs."""

import json
import re
from dataclasses import dataclass
from typing import Any

from playground.gateway.errors import ApiError, bad_request

# With each event of a stream (vLLM's own option), so that it is known when the client breaks it off.
USAGE_ASKED = b'"stream_options":{"include_usage":true,"continuous_usage_stats":true},'
LAST_USAGE_ASKED = re.compile(rb'"include_usage"\s*:\s*true')
EACH_USAGE_ASKED = b'"include_usage":true,"continuous_usage_stats":true'


@dataclass(frozen=True, slots=True)
class Wish:
    """A request's body, read: the model it names, and whether it wants a stream and its usage."""

    body: bytes
    fields: dict[str, Any]
    model: str
    is_stream: bool
    wants_usage: bool
    wants_each_usage: bool

    def for_backend(self, served_model_name: str) -> bytes:
        """The bytes to send on: the client's own, wherever they can be.

        They are changed when the model has another name there, or when a stream would end
        without telling its usage.
        """
        options = self.fields.get("stream_options")
        asks_usage = self.is_stream and not self.wants_each_usage and isinstance(options, dict | None)
        if self.model == served_model_name:
            if not asks_usage:
                return self.body
            if "stream_options" not in self.fields:
                opening = self.body.index(b"{") + 1
                return self.body[:opening] + USAGE_ASKED + self.body[opening:]
            # Quotes within a text are escaped, so a single find is the field itself.
            if options == {"include_usage": True} and len(LAST_USAGE_ASKED.findall(self.body)) == 1:
                return LAST_USAGE_ASKED.sub(EACH_USAGE_ASKED, self.body)
        changed = self.fields | {"model": served_model_name}
        if asks_usage:
            changed["stream_options"] = (options or {}) | {
                "include_usage": True,
                "continuous_usage_stats": True,
            }
        return json.dumps(changed, separators=(",", ":")).encode()


def read(body: bytes) -> Wish:
    """Read a request's body.

    Raises ApiError 400 for what is not a JSON object in UTF-8 with a `model`, and for a field
    that is there twice: the model server might take the other one than we checked.
    """
    fields = _parsed(body)
    if not isinstance(fields, dict):
        raise _not_json()
    model, stream = fields.get("model"), fields.get("stream")
    if not isinstance(model, str) or not model:
        raise bad_request(
            "missing_required_parameter",
            "Name the model in the field “model”. GET /v1/models lists those that are open to you.",
            param="model",
        )
    if stream not in (True, False, None) or not isinstance(stream, bool | None):
        raise bad_request("invalid_type", "The field “stream” must be true or false.", param="stream")
    options = fields.get("stream_options")
    asked = options if isinstance(options, dict) else {}
    wants_usage = asked.get("include_usage") is True
    return Wish(
        body=body,
        fields=fields,
        model=model,
        is_stream=bool(stream),
        wants_usage=wants_usage,
        wants_each_usage=wants_usage and asked.get("continuous_usage_stats") is True,
    )


def _parsed(body: bytes) -> Any:
    try:
        return _DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        # The error's own words would quote the prompt, so they go no further.
        raise _not_json() from error


def _not_json() -> ApiError:
    return bad_request("invalid_json", "The request's body is not a JSON object in UTF-8.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise bad_request("duplicate_field", "The request's body has a field twice. Send each once.")
    return fields


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse_constant)
