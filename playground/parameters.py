"""What can be set for an answer, within which range, and how the model server is told.

The names are those of vLLM's OpenAI-compatible server (docs: serving/openai_compatible_server); a
setting that is None or missing is left to the server's own default.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SYSTEM_PROMPT_MAX_CHARACTERS = 20_000
STOP_MAX = 4
TOP_LOGPROBS_MAX = 20
SCHEMA_MAX_CHARACTERS = 20_000
TOOLS_MAX_CHARACTERS = 40_000
DEFAULT_TEMPERATURE = 0.7
DEFAULT_MAX_TOKENS = 512
TOP_LOGPROBS_SHOWN = 5
CHAT, RAW = "chat", "raw"
MODES = ((CHAT, "Chat"), (RAW, "Raw completion"))
TOOL_CHOICES = (("auto", "It may"), ("required", "It must"))


@dataclass(frozen=True)
class Parameter:
    """A number that one may set. `help` says what it does, for whoever has never seen it."""

    name: str
    label: str
    minimum: float
    maximum: float
    step: float
    help: str
    is_whole: bool = False


# Ranges as OpenAI's and vLLM's own checks have them, where these have any.
NUMBERS = (
    Parameter("temperature", "Temperature", 0, 2, 0.1, "0 repeats itself word for word, 2 is wild."),
    Parameter("top_p", "Top p", 0.01, 1, 0.01, "Only the likeliest tokens that add up to this probability."),
    Parameter("top_k", "Top k", 1, 1000, 1, "Only so many of the likeliest tokens.", is_whole=True),
    Parameter("min_p", "Min p", 0, 1, 0.01, "Only tokens at least this share as likely as the likeliest."),
    Parameter("presence_penalty", "Presence penalty", -2, 2, 0.1, "Above 0: rather words that are new."),
    Parameter("frequency_penalty", "Frequency penalty", -2, 2, 0.1, "Above 0: fewer words that came often."),
    Parameter(
        "repetition_penalty", "Repetition penalty", 0.1, 2, 0.05, "Above 1: less repetition. 1 is off."
    ),
    Parameter("seed", "Seed", 0, 2**31 - 1, 1, "The same number gives the same answer.", is_whole=True),
)
# What goes to the model server under its own name.
_PASSED_ON = (*(number.name for number in NUMBERS), "max_tokens", "stop", "tools")


def usual(context_length: int) -> dict[str, Any]:
    """What a new conversation begins with, for a model that holds `context_length` tokens."""
    half = max(1, context_length // 2)
    return {"temperature": DEFAULT_TEMPERATURE, "max_tokens": min(DEFAULT_MAX_TOKENS, half)}


def fields_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The request's fields for `params` (settings as stored), without model and prompt.

    >>> fields_of({"temperature": 0, "seed": None, "stop": [], "max_tokens": 5})
    {'temperature': 0, 'max_tokens': 5}
    """
    fields = {name: params[name] for name in _PASSED_ON if params.get(name) not in (None, [], "")}
    if params.get("logprobs"):
        top = params.get("top_logprobs") or TOP_LOGPROBS_SHOWN
        fields |= {"logprobs": top} if is_raw(params) else {"logprobs": True, "top_logprobs": top}
    if params.get("tools") and params.get("tool_choice"):
        fields["tool_choice"] = params["tool_choice"]
    if schema := params.get("json_schema"):
        named = {"name": "answer", "schema": schema, "strict": True}
        fields["response_format"] = {"type": "json_schema", "json_schema": named}
    return fields


def is_raw(params: Mapping[str, Any]) -> bool:
    """Whether the prompt goes to the model as it is, without a chat template."""
    return params.get("mode") == RAW


def settings_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in an answer's parameters, as a conversation keeps them; a seed that was drawn is not one.

    >>> settings_of({"model": "m", "revision": "", "temperature": 1, "seed": 5, "seed_is_drawn": True})
    {'temperature': 1}
    """
    left = {"model", "revision", "seed_is_drawn"} | ({"seed"} if params.get("seed_is_drawn") else set())
    return {name: value for name, value in params.items() if name not in left}
