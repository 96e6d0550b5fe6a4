"""What requests are made of and answers consist of: the schemas of the OpenAPI description."""

import re

from django.conf import settings

from playground.reference import fields
from playground.reference.codes import CODES
from playground.reference.fields import JSON, ref

TEXT = {"type": "string"}
TEXT_OR_NULL = {"type": ["string", "null"]}
COUNT = {"type": "integer", "minimum": 0}
_LINK = {"type": "string", "format": "uri", "description": "The address at the message's end."}
TIME = {"type": "integer", "description": "Seconds since 1970."}


def shape(properties: JSON, *required: str) -> JSON:
    """An object; servers may add fields to it."""
    return {"type": "object", "properties": properties, "required": list(required)}


def listed(item: str) -> JSON:
    """OpenAI's list of objects."""
    return shape(
        {
            "object": {"const": "list"},
            "data": {"type": "array", "items": ref(item)},
            "first_id": TEXT_OR_NULL,
            "last_id": TEXT_OR_NULL,
            "has_more": {"type": "boolean"},
        },
        "object",
        "data",
    )


def _error() -> JSON:
    known = [{"const": row.code, "description": row.meaning} for row in CODES.values() if row.status]
    told = {
        "anyOf": known,
        "description": "Stable, for programs. Each is explained on the page of errors.",
    }
    inner = shape(
        {
            "message": TEXT | {"description": "For a person; it may end with an address that helps."},
            "type": TEXT | {"description": "The kind of error, by OpenAI's names."},
            "param": TEXT_OR_NULL | {"description": "The field that is at fault, where it is one."},
            "code": told,
            "link": _LINK,
        },
        *("message", "type", "param", "code", "link"),
    )
    return shape({"error": inner}, "error")


def _anthropic_error() -> JSON:
    code = {"$ref": "#/components/schemas/Error/properties/error/properties/code"}
    inner = shape(
        {
            "type": TEXT | {"description": "The kind of error, by Anthropic's names."},
            "message": TEXT,
            "code": code,
            "link": _LINK,
        },
        *("type", "message", "code", "link"),
    )
    return shape(
        {"type": {"const": "error"}, "error": inner, "request_id": TEXT}, "type", "error", "request_id"
    )


def _media_url() -> JSON:
    """An address as playground/gateway/guarding.py lets it through."""
    hosts = "|".join(re.escape(host) for host in settings.GATEWAY_MEDIA_DOMAINS)
    allowed = f"^data:|^https://({hosts})(:443)?([/?#]|$)" if hosts else "^data:"
    return TEXT | {"pattern": allowed, "description": "A data: URL, or one that is allowed here."}


MESSAGE = shape(
    {
        "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
        "content": {
            "anyOf": [TEXT, {"type": "array", "items": ref("ContentPart")}, {"type": "null"}],
        },
        "name": TEXT,
        "tool_calls": {"type": "array", "items": ref("ToolCall")},
        "tool_call_id": TEXT,
    },
    "role",
)
CONTENT_PART = shape(
    {
        "type": {"enum": ["text", "image_url", "input_audio", "video_url"]},
        "text": TEXT,
        **dict.fromkeys(("image_url", "video_url", "audio_url"), shape({"url": _media_url()}, "url")),
        "input_audio": shape({"data": TEXT, "format": TEXT}, "data", "format"),
    },
    "type",
)
FUNCTION = shape({"name": TEXT, "description": TEXT, "parameters": {"type": "object"}}, "name")
TOOL_CALL = shape(
    {
        "id": TEXT,
        "type": {"const": "function"},
        "function": shape({"name": TEXT, "arguments": TEXT | {"description": "JSON."}}, "name", "arguments"),
    },
    "function",
)
USAGE = shape(
    {"prompt_tokens": COUNT, "completion_tokens": COUNT, "total_tokens": COUNT},
    "prompt_tokens",
    "total_tokens",
)
FINISH = {"type": ["string", "null"], "description": "stop, length, tool_calls or content_filter."}


def _answer(kind: str, choice: JSON) -> JSON:
    return shape(
        {
            "id": TEXT,
            "object": {"const": kind},
            "created": TIME,
            "model": TEXT,
            "choices": {"type": "array", "items": choice},
            "usage": {"anyOf": [ref("Usage"), {"type": "null"}]},
        },
        "id",
        "object",
        "created",
        "model",
        "choices",
    )


INDEX = {"index": COUNT, "finish_reason": FINISH, "logprobs": {"type": ["object", "null"]}}
ANSWERS: JSON = {
    "ChatCompletion": _answer(
        "chat.completion", shape({**INDEX, "message": ref("Message")}, "index", "message", "finish_reason")
    ),
    "ChatCompletionChunk": _answer(
        "chat.completion.chunk", shape({**INDEX, "delta": {"type": "object"}}, "index", "delta")
    ),
    "Completion": _answer("text_completion", shape({**INDEX, "text": TEXT}, "index", "text")),
    "Embeddings": shape(
        {
            "object": {"const": "list"},
            "model": TEXT,
            "data": {
                "type": "array",
                "items": shape(
                    {
                        "object": {"const": "embedding"},
                        "index": COUNT,
                        "embedding": {"anyOf": [{"type": "array", "items": {"type": "number"}}, TEXT]},
                    },
                    "index",
                    "embedding",
                ),
            },
            "usage": ref("Usage"),
        },
        "object",
        "data",
    ),
}
MODEL = shape(
    {"id": TEXT, "object": {"const": "model"}, "created": TIME, "owned_by": TEXT},
    "id",
    "object",
    "created",
    "owned_by",
)


def schemas() -> JSON:
    """Every schema, by name."""
    return {
        "Error": _error(),
        "AnthropicError": _anthropic_error(),
        "Model": MODEL,
        "ModelList": listed("Model"),
        "Message": MESSAGE,
        "ContentPart": CONTENT_PART,
        "Tool": shape({"type": {"const": "function"}, "function": FUNCTION}, "type", "function"),
        "NamedTool": shape(
            {"type": {"const": "function"}, "function": shape({"name": TEXT}, "name")}, "type", "function"
        ),
        "ToolCall": TOOL_CALL,
        "JsonSchemaFormat": shape(
            {
                "type": {"const": "json_schema"},
                "json_schema": shape(
                    {"name": TEXT, "schema": {"type": "object"}, "strict": {"type": ["boolean", "null"]}},
                    "name",
                ),
            },
            "type",
            "json_schema",
        ),
        "Usage": USAGE,
        "ChatRequest": fields.body_or_preset(fields.CHAT, "model", "messages"),
        "CompletionRequest": fields.body_or_preset(fields.COMPLETION, "model", "prompt"),
        "EmbeddingRequest": fields.body(fields.EMBEDDING, "model", "input"),
        "ResponseRequest": fields.body(fields.RESPONSE, "model", "input"),
        "AnthropicRequest": fields.body(fields.ANTHROPIC_MESSAGE, "model", "max_tokens", "messages"),
        "AnthropicCountRequest": fields.body(fields.ANTHROPIC_MESSAGE, "model", "messages"),
        **ANSWERS,
    }
