"""Requests that are sent to vLLM and to the gateway, and where the two may differ, with the reason.

`{}` is a request's body without its model, which is another name at each door. A body of bytes
is sent as it is, MODEL standing for the name.
"""

from dataclasses import dataclass, field, replace
from typing import Any

JSON = dict[str, Any]
CHAT, TEXT, VECTORS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"

COUNTED_FIRST = "The gateway counts the worst case before it asks, so it must know this number."
CAPPED = "GATEWAY_N_MAX: one request may not hold the engine for hundreds of answers."
NO_DEFAULT = "vLLM serves one model and takes it; here many releases have a gate each."
ONE_MEANING = "What is checked here must be what the engine reads, so it must have one meaning."
NOT_TRUE_OR_FALSE = "Whether it is a stream decides how the answer is relayed; vLLM guesses."
ENGINE = "The field reaches beyond the request, into the engine."
ELSEWHERE = "Nothing is fetched from elsewhere."
LISTED = "Only OpenAI's endpoints are open."
MODEL_NAMES = "Names that exist at the engine are none of the client's business."
FINGERPRINT = (
    "vLLM puts it into its last chunk. That is the usage's, which the gateway asks for and takes out again."
)
MEDIA_TYPE = "415, as HTTP has it. vLLM answers 400."
WORDS = "In words of the gateway's own, which quote nothing of the body."


@dataclass(frozen=True)
class Case:
    """One request. `why` says the reason of a deviation on purpose.

    `own` is the status and code that the gateway answers by itself, `aside` the fields that it
    changes.
    """

    name: str
    path: str
    body: JSON | bytes
    own: tuple[int, str] | None = None
    why: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    aside: frozenset[str] = frozenset()


def _say(*contents: str) -> list[JSON]:
    return [
        {"role": ("user", "assistant")[number % 2], "content": words} for number, words in enumerate(contents)
    ]


def _chat(name: str, own: tuple[int, str] | None = None, why: str = "", **fields: Any) -> Case:
    body = {"messages": _say("Say hello."), "max_tokens": 3, "temperature": 0} | fields
    return Case(name, CHAT, {key: value for key, value in body.items() if value is not ...}, own, why)


def _stream(name: str, *, path: str = CHAT, **fields: Any) -> Case:
    """A stream that asks for no usage."""
    made = (_chat if path == CHAT else _text)(name, stream=True, **fields)
    return replace(made, aside=frozenset({"system_fingerprint"}), why=FINGERPRINT)


def _text(name: str, own: tuple[int, str] | None = None, why: str = "", **fields: Any) -> Case:
    body = {"prompt": "One, two,", "max_tokens": 3, "temperature": 0} | fields
    return Case(name, TEXT, {key: value for key, value in body.items() if value is not ...}, own, why)


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Graz", "Zagreb"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
NAMED = {"type": "function", "function": {"name": "weather"}}
JUDGEMENT = {
    "type": "json_schema",
    "json_schema": {
        "name": "judgement",
        "schema": {
            "type": "object",
            "properties": {"mood": {"enum": ["good", "bad"]}},
            "required": ["mood"],
            "additionalProperties": False,
        },
    },
}
USAGE = {"include_usage": True}

ANSWERED = (
    _chat("plain"),
    _chat("a conversation", messages=_say("Hi.", "Hello!", "Count to three.")),
    _chat("a system's message", messages=[{"role": "system", "content": "Be brief."}, *_say("Hi.")]),
    _chat("parts of text", messages=[{"role": "user", "content": [{"type": "text", "text": "Hi."}]}]),
    _chat("signs beyond ASCII", messages=_say("Grüße aus 東京 😀")),
    _chat("max_completion_tokens", max_tokens=..., max_completion_tokens=3),
    _chat("a seed", temperature=1, seed=5),
    _chat("top_p", temperature=1, top_p=0.5, seed=5),
    _chat("penalties", presence_penalty=1.5, frequency_penalty=-1.5),
    _chat("a stop", stop="e"),
    _chat("stops", stop=["zzz", "l"]),
    _chat("no stops", stop=[]),
    _chat("several answers", n=3, temperature=1, seed=5),
    _chat("log-probabilities", logprobs=True, top_logprobs=3),
    _chat("a logit's bias", logit_bias={"100": 100}),
    _chat("a user's name", user="somebody"),
    _chat("an unknown field", flavour="mint"),
    _chat("nulls", n=None, stop=None, stream=None, tools=None, logprobs=None, seed=None),
    _chat("vLLM's own fields", min_tokens=5, max_tokens=5, ignore_eos=True, top_k=1, repetition_penalty=1.2),
    _chat("a prefix of the answer", add_generation_prompt=False, continue_final_message=True),
    _chat("json_schema", response_format=JUDGEMENT, max_tokens=30),
    _chat("text as format", response_format={"type": "text"}),
    _chat("vLLM's choice", structured_outputs={"choice": ["yes", "no"]}),
    _chat("a named tool", tools=[WEATHER], tool_choice=NAMED, max_tokens=80),
    _chat("a required tool", tools=[WEATHER], tool_choice="required", max_tokens=80),
    _chat("no tool", tools=[WEATHER], tool_choice="none"),
    _chat("a role of its own", messages=[{"role": "wizard", "content": "Hi."}]),
    _chat("a message without content", messages=[{"role": "user"}]),
    _stream("a stream"),
    _chat("a stream with usage", stream=True, stream_options=USAGE),
    _stream("a stream without usage", stream_options={"include_usage": False}),
    _chat(
        "a stream with usage all along", stream=True, stream_options=USAGE | {"continuous_usage_stats": True}
    ),
    _stream("a stream of two", n=2, temperature=1, seed=5),
    _stream("a stream of log-probabilities", logprobs=True, top_logprobs=2),
    _stream("a stream of a tool", tools=[WEATHER], tool_choice=NAMED, max_tokens=80),
    _text("a text"),
    _text("several texts", prompt=["One, two,", "Red, green,"]),
    _text("token ids", prompt=[1, 2, 3]),
    _text("lists of token ids", prompt=[[1, 2, 3], [4, 5]]),
    _text("echo", echo=True, logprobs=1),
    _text("a text with log-probabilities", logprobs=2),
    _text("a text's default length", max_tokens=...),
    _text("best_of, which vLLM ignores", best_of=2),
    _stream("a stream of a text", path=TEXT),
    _text("a stream of texts with usage", stream=True, prompt=["One,", "Red,"], stream_options=USAGE),
)
REFUSED = (
    _chat("no messages", messages=...),
    _chat("empty messages", messages=[]),
    _chat("messages that are a text", messages="Hi."),
    _chat("a message that is a text", messages=["Hi."]),
    _chat("temperature below", temperature=-1),
    _chat("temperature above", temperature=3),
    _chat("temperature in words", temperature="hot"),
    _chat("top_p of nothing", top_p=0),
    _chat("top_p above", top_p=2),
    _chat("a penalty above", presence_penalty=5),
    _chat("max_tokens of nothing", max_tokens=0),
    _chat("max_tokens below", max_tokens=-1),
    _chat("max_tokens beyond the context", max_tokens=1_000_000),
    _chat("a prompt beyond the context", messages=_say("word " * 3000)),
    _chat("no answers", n=0),
    _chat("n in words", own=(400, "invalid_type"), why=COUNTED_FIRST, n="2"),
    _chat("half an answer", own=(400, "invalid_type"), why=COUNTED_FIRST, n=1.5),
    _chat("a hundred answers", own=(400, "invalid_value"), why=CAPPED, n=100),
    _chat("top_logprobs alone", top_logprobs=2),
    _chat("fifty top_logprobs", logprobs=True, top_logprobs=50),
    _chat("too many stops", stop=[str(number) for number in range(17)]),
    _chat("a seed in words", seed="x"),
    _chat("a seed beyond 64 bits", seed=2**70),
    _chat("a token that is none", logit_bias={"999999999": 1}),
    _chat("stream_options without a stream", stream_options=USAGE),
    _chat("a stream in words", own=(400, "invalid_type"), why=NOT_TRUE_OR_FALSE, stream="yes"),
    _chat("a stream in numbers", own=(400, "invalid_type"), why=NOT_TRUE_OR_FALSE, stream=1),
    _chat("tool_choice without tools", tool_choice="required"),
    _chat("a tool that is none", tools=[{"type": "x"}]),
    _chat("an unknown format", response_format={"type": "xml"}),
    _chat("a format without its schema", response_format={"type": "json_schema"}),
    _chat(
        "a schema that is none",
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "wizard"}}},
    ),
    _chat(
        "a picture for a model of words",
        messages=[
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
            }
        ],
    ),
    _chat(
        "a picture from elsewhere",
        own=(400, "media_not_allowed"),
        why=ELSEWHERE,
        messages=[
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1/x.png"}}],
            }
        ],
    ),
    _chat("somebody else's place", own=(400, "field_not_allowed"), why=ENGINE, priority=-5),
    _chat("a name for the request", own=(400, "field_not_allowed"), why=ENGINE, request_id="x"),
    _text("no prompt", prompt=...),
    _text("no prompts", prompt=[]),
    _text("an empty prompt", prompt=""),
    _text("a number as prompt", prompt=5),
    _text("a token id below", prompt=[-1]),
    _text("a token id beyond", prompt=[10**7]),
    _text("a suffix", suffix="x"),
    _text("fifty logprobs", logprobs=50),
    Case("a model of no type", CHAT, b'{"model": 1}', own=(400, "missing_required_parameter"), why=WORDS),
    Case(
        "no model",
        CHAT,
        b'{"messages": [{"role": "user", "content": "Hi."}], "max_tokens": 1}',
        own=(400, "missing_required_parameter"),
        why=NO_DEFAULT,
    ),
    Case(
        "an unknown model",
        CHAT,
        b'{"model": "gpt-4o", "messages": []}',
        own=(404, "model_not_found"),
        why=MODEL_NAMES,
    ),
    Case("half of JSON", CHAT, b'{"model": ', own=(400, "invalid_json"), why=WORDS),
    Case("a list", CHAT, b"[]", own=(400, "invalid_json"), why=WORDS),
    Case("nothing", CHAT, b"", own=(400, "invalid_json"), why=WORDS),
    Case(
        "NaN",
        CHAT,
        b'{"model": "MODEL", "messages": [{"role": "user", "content": "Hi."}], "temperature": NaN}',
        own=(400, "invalid_json"),
        why="NaN is not JSON. vLLM reads it, and refuses the number.",
    ),
    Case(
        "a field twice",
        CHAT,
        b'{"model": "MODEL", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi."}],'
        b' "max_tokens": 2}',
        own=(400, "duplicate_field"),
        why=ONE_MEANING,
    ),
    Case(
        "plain text",
        CHAT,
        b'{"model": "MODEL"}',
        own=(415, "unsupported_media_type"),
        why=MEDIA_TYPE,
        headers={"Content-Type": "text/plain"},
    ),
    Case(
        "embeddings of a model of words",
        VECTORS,
        {"input": "Hi."},
        own=(404, "unsupported_by_model"),
        why=WORDS,
    ),
    Case("a path of vLLM's", "/tokenize", {"prompt": "Hi."}, own=(404, ""), why=LISTED),
    Case(
        "GET where POST belongs",
        CHAT,
        b"",
        own=(405, "method_not_allowed"),
        why=WORDS,
        method="GET",
        headers={},
    ),
)
TABLE = (*ANSWERED, *REFUSED)
