"""What a request's body asks for, and the least change that the model server needs."""

import json
from dataclasses import dataclass
from typing import Any

from playground.gateway.errors import ApiError, bad_request

# With each event of a stream (vLLM's own option), so that it is known when the client breaks it off.
USAGE_ASKED = {"include_usage": True, "continuous_usage_stats": True}


@dataclass(frozen=True, slots=True)
class Wish:
    """A request's body, read: the model it names, and whether it wants a stream and its usage."""

    body: bytes
    fields: dict[str, Any]
    model: str
    is_stream: bool
    wants_usage: bool
    wants_each_usage: bool

    def for_backend(
        self,
        served_model_name: str,
        *,
        cache_salt: str,
        asks_usage: bool = True,
        added: dict[str, Any] | None = None,
    ) -> bytes:
        """The bytes to send on: the client's own, behind those that are put before them, where they can be.

        `added` are fields beside the salt; `asks_usage`: whether a stream tells its usage as it goes.
        The bytes are written anew when the model has another name there, or a field that has to be
        changed is in them.
        """
        added = {"cache_salt": cache_salt, **(added or {})}
        options = self.fields.get("stream_options")
        if asks_usage and self.is_stream and not self.wants_each_usage and isinstance(options, dict | None):
            added["stream_options"] = (options or {}) | USAGE_ASKED
        if self.model == served_model_name and self.fields.keys().isdisjoint(added):
            opening = self.body.index(b"{") + 1
            return self.body[:opening] + _inside(added) + b"," + self.body[opening:]
        return b"{" + _inside(self.fields | {"model": served_model_name} | added) + b"}"


def read(body: bytes) -> Wish:
    """Read a request's body. Raises ApiError 400 as `fields_in` and `wish_for` do."""
    return wish_for(body, fields_in(body))


def fields_in(body: bytes) -> dict[str, Any]:
    """The fields of a request's body.

    Raises ApiError 400 for what is not a JSON object in UTF-8, and for a field that is there
    twice: the model server might take the other one than we checked.
    """
    fields = _parsed(body)
    if not isinstance(fields, dict):
        raise _not_json()
    return fields


def rewritten(fields: dict[str, Any]) -> Wish:
    """What `fields` ask for that are not those that were sent. Raises ApiError 400 as `wish_for` does."""
    return wish_for(b"{" + _inside(fields) + b"}", fields)


def wish_for(body: bytes, fields: dict[str, Any]) -> Wish:
    """What a body with `fields` asks for. Raises ApiError 400 for one without a `model`."""
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


def _inside(fields: dict[str, Any]) -> bytes:
    """`fields` as JSON without its braces."""
    return json.dumps(fields, separators=(",", ":")).encode()[1:-1]


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
