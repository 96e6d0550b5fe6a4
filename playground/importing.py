"""Conversations that come as a file: OpenAI's messages, with or without what this portal adds to them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.models import PROMPT_MAX_CHARACTERS
from playground.parameters import NUMBERS, SYSTEM_PROMPT_MAX_CHARACTERS

FILE_MAX_BYTES = 2 * 1024 * 1024
MESSAGES_MAX = 500
ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


class NotReadable(ValueError):  # noqa: N818 - it is told to a person
    """The file is not a conversation; the message says why and where."""


@dataclass
class Said:
    """One turn of a file and its answer."""

    prompt: str = ""
    tool_results: list[dict[str, str]] = field(default_factory=list)
    text: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    is_answered: bool = False


@dataclass
class Imported:
    """What a file holds."""

    title: str
    settings: dict[str, Any]
    said: list[Said]


def read(content: bytes) -> Imported:
    """Read a file as `exporting.as_json` writes it, or any object or list with OpenAI's messages.

    Messages of a person that follow each other become one. Raises NotReadable.
    """
    try:
        told = json.loads(content)
    except ValueError as error:
        raise NotReadable(f"This is not JSON: {error}.") from error
    whole = told if isinstance(told, dict) else {"messages": told}
    messages = whole.get("messages")
    if not isinstance(messages, list) or not messages:
        raise NotReadable("There are no messages in it. Give a JSON object with a list “messages”.")
    if len(messages) > MESSAGES_MAX:
        raise NotReadable(f"It has {len(messages):,} messages; {MESSAGES_MAX} is the most.")
    settings = _settings(whole.get("settings"))
    said: list[Said] = []
    for number, message in enumerate(messages, start=1):
        _take(message, number, said=said, settings=settings)
    if not said:
        raise NotReadable("Nobody says anything in it: there is no message with the role “user”.")
    title = whole.get("title")
    return Imported(title if isinstance(title, str) else "", settings, said)


def _take(message: Any, number: int, *, said: list[Said], settings: dict[str, Any]) -> None:
    role = message.get("role") if isinstance(message, dict) else None
    if role not in ROLES:
        raise NotReadable(f"Message {number} has no role that is known ({', '.join(sorted(ROLES))}).")
    text = _text(message.get("content"), number)
    if role in {"system", "developer"}:
        earlier = settings.get("system_prompt", "")
        settings["system_prompt"] = f"{earlier}\n\n{text}".strip()[:SYSTEM_PROMPT_MAX_CHARACTERS]
    elif role == "assistant":
        _answer(message, text, number, said)
    else:
        _say(message, text, said, is_result=role == "tool")


def _say(message: Mapping[str, Any], text: str, said: list[Said], *, is_result: bool) -> None:
    if not said or said[-1].is_answered:
        said.append(Said())
    turn = said[-1]
    if is_result:
        turn.tool_results.append({"tool_call_id": str(message.get("tool_call_id", "")), "content": text})
    else:
        turn.prompt = f"{turn.prompt}\n\n{text}" if turn.prompt else text


def _answer(message: Mapping[str, Any], text: str, number: int, said: list[Said]) -> None:
    if not said:
        raise NotReadable(f"Message {number} answers, but nothing was said before it.")
    turn = said[-1]
    if turn.is_answered:
        turn.text = f"{turn.text}\n\n{text}".strip()
        return
    calls = message.get("tool_calls")
    turn.text, turn.is_answered = text, True
    turn.tool_calls = [call for call in calls or () if isinstance(call, dict) and "function" in call]


def _text(content: Any, number: int) -> str:
    """A message's words; of content in parts those that are text."""
    if isinstance(content, list):
        texts = [part.get("text", "") for part in content if isinstance(part, dict)]
        content = "\n".join(text for text in texts if isinstance(text, str) and text)
    if content is None:
        return ""
    if not isinstance(content, str):
        raise NotReadable(f"The content of message {number} is neither text nor a list of parts.")
    if len(content) > PROMPT_MAX_CHARACTERS:
        raise NotReadable(f"Message {number} is longer than {PROMPT_MAX_CHARACTERS:,} characters.")
    return content.replace("\x00", "\ufffd")


def _settings(given: Any) -> dict[str, Any]:
    """The numbers among the settings that are within their ranges; nothing else is taken on trust."""
    settings: dict[str, Any] = {}
    for number in NUMBERS:
        value = given.get(number.name) if isinstance(given, dict) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if number.minimum <= value <= number.maximum:
            settings[number.name] = value
    return settings
