"""The fields that requests for a model's words take, with their types and ranges, as JSON Schema 2020-12.

vLLM takes many more. What is not named here passes through untouched.
"""

from typing import Any

from django.conf import settings

JSON = dict[str, Any]

INTEGER_64 = {"minimum": -(2**63), "maximum": 2**63 - 1}
STOPS_MAX = 4


def number(minimum: float, maximum: float, default: float, description: str) -> JSON:
    """A number in a range, or null."""
    return {
        "type": ["number", "null"],
        "minimum": minimum,
        "maximum": maximum,
        "default": default,
        "description": description,
    }


def count(description: str, *, minimum: int = 1, **more: Any) -> JSON:
    """A whole number, or null."""
    return {"type": ["integer", "null"], "minimum": minimum, "description": description, **more}


def ref(name: str) -> JSON:
    """A schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


MODEL = {
    "type": "string",
    "minLength": 1,
    "description": "The model's id, as GET /v1/models lists it. Its id on the Hub stands for it as well.",
}
SAMPLING: JSON = {
    "temperature": number(0, 2, 1, "How freely the model chooses; 0: the likeliest token each time."),
    "top_p": {
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "maximum": 1,
        "default": 1,
        "description": "Choose among the likeliest tokens that make up this share of the probability.",
    },
    "presence_penalty": number(-2, 2, 0, "Above 0: rather tokens that have not appeared yet."),
    "frequency_penalty": number(-2, 2, 0, "Above 0: rather tokens that have appeared less often."),
    "n": count(
        "How many answers to write. Each is counted in full against the limits, once for each answer.",
        default=1,
        maximum=settings.GATEWAY_N_MAX,
    ),
    "seed": {
        "type": ["integer", "null"],
        **INTEGER_64,
        "description": "The same seed and request give the same answer, as far as the server can.",
    },
    "stop": {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}, "maxItems": STOPS_MAX},
            {"type": "null"},
        ],
        "description": "End the answer before any of these texts.",
    },
    "logit_bias": {
        "type": ["object", "null"],
        "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100},
        "description": "Token id → what is added to its logit.",
    },
    "stream": {
        "type": ["boolean", "null"],
        "default": False,
        "description": "Send the answer as server-sent events while it is written, [DONE] at last.",
    },
    "stream_options": {
        "type": ["object", "null"],
        "properties": {
            "include_usage": {
                "type": "boolean",
                "description": "End the stream with a chunk that has no choices, and the usage.",
            }
        },
        "description": "Only together with stream.",
    },
    "user": {"type": ["string", "null"], "description": "Your name for your user. The portal ignores it."},
}
PRESET: JSON = {
    "preset_id": {
        "type": "string",
        "pattern": "^preset_[0-9a-f]{24}$",
        "description": "A preset that the key's owner, or a member of its service account, keeps in the "
        "playground: what it sets and the request does not is filled in, the model, the system prompt and "
        "the prompt included.",
    },
    "preset_version": count("The preset's version; without it the newest.", maximum=2**31 - 1),
    "variables": {
        "type": ["object", "null"],
        "additionalProperties": {"type": "string"},
        "description": "The text for each {{name}} in the preset's prompt.",
    },
}
MAX_TOKENS = count(
    "The most tokens of an answer. Without it, whatever the context leaves is held back under your limits "
    "while the request runs; a number of your own lets more requests run at a time."
)
TOP_LOGPROBS_MAX = 20
CHAT: JSON = {
    "model": MODEL,
    "messages": {
        "type": "array",
        "items": ref("Message"),
        "minItems": 1,
        "description": "The conversation so far.",
    },
    "max_tokens": MAX_TOKENS,
    "max_completion_tokens": count("OpenAI's newer name of max_tokens."),
    **SAMPLING,
    "logprobs": {
        "type": ["boolean", "null"],
        "default": False,
        "description": "Tell the log-probability of each token.",
    },
    "top_logprobs": count(
        "How many of the likeliest tokens to tell at each place; takes logprobs.",
        minimum=0,
        maximum=TOP_LOGPROBS_MAX,
    ),
    "tools": {
        "type": ["array", "null"],
        "items": ref("Tool"),
        "description": "Functions that the model may ask you to call.",
    },
    "tool_choice": {
        "anyOf": [{"enum": ["none", "auto", "required"]}, ref("NamedTool"), {"type": "null"}],
        "description": "Whether the model may, must or must not call a tool, or which one it has to. "
        "“auto” needs a model server that is set up for its model's way of calling.",
    },
    "parallel_tool_calls": {"type": ["boolean", "null"], "default": True},
    "response_format": {
        "anyOf": [
            {"type": "object", "properties": {"type": {"const": "text"}}, "required": ["type"]},
            {"type": "object", "properties": {"type": {"const": "json_object"}}, "required": ["type"]},
            ref("JsonSchemaFormat"),
            {"type": "null"},
        ],
        "description": "“json_schema” holds the model to a schema while it writes.",
    },
    **PRESET,
}
COMPLETION: JSON = {
    "model": MODEL,
    "prompt": {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
            {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
            {
                "type": "array",
                "items": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
                "minItems": 1,
            },
        ],
        "description": "The text to go on with, several texts, or token ids.",
    },
    "max_tokens": MAX_TOKENS | {"default": 16},
    **SAMPLING,
    "echo": {
        "type": ["boolean", "null"],
        "default": False,
        "description": "Begin the answer with the prompt.",
    },
    "logprobs": count("How many of the likeliest tokens to tell at each place.", minimum=0),
    "suffix": {"type": ["string", "null"], "description": "What comes behind the text; few models can."},
    **PRESET,
}
EMBEDDING: JSON = {
    "model": MODEL,
    "input": {**COMPLETION["prompt"], "description": "The text, several texts, or token ids."},
    "encoding_format": {"enum": ["float", "base64"], "default": "float"},
    "dimensions": count("The length of each vector, for models that can shorten theirs."),
    "user": SAMPLING["user"],
}
RESPONSE: JSON = {
    "model": MODEL,
    "input": {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}],
        "description": "A text, or the items of a conversation.",
    },
    "instructions": {"type": ["string", "null"], "description": "The system's message."},
    "max_output_tokens": MAX_TOKENS,
    "temperature": SAMPLING["temperature"],
    "top_p": SAMPLING["top_p"],
    "stream": SAMPLING["stream"],
    "tools": {"type": ["array", "null"], "items": {"type": "object"}},
    "tool_choice": {"anyOf": [{"type": "string"}, {"type": "object"}, {"type": "null"}]},
    "text": {"type": ["object", "null"], "description": "The format of the text, such as a JSON schema."},
}
ANTHROPIC_MESSAGE: JSON = {
    "model": MODEL,
    "max_tokens": MAX_TOKENS | {"type": "integer"},
    "messages": {"type": "array", "items": {"type": "object"}, "minItems": 1},
    "system": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
    "temperature": number(0, 1, 1, "How freely the model chooses."),
    "top_p": SAMPLING["top_p"],
    "top_k": count("Choose among this many of the likeliest tokens.", minimum=0),
    "stop_sequences": {"type": "array", "items": {"type": "string"}},
    "stream": SAMPLING["stream"],
    "tools": {"type": "array", "items": {"type": "object"}},
    "tool_choice": {"type": "object"},
}


def body(fields: JSON, *required: str) -> JSON:
    """The schema of a request's body; fields that are not named pass through."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(required),
        "additionalProperties": True,
    }


def body_or_preset(fields: JSON, *required: str) -> JSON:
    """As `body`, of a request that needs none of these where it names a preset."""
    told = body(fields)
    del told["required"]
    return told | {"anyOf": [{"required": list(required)}, {"required": ["preset_id"]}]}
