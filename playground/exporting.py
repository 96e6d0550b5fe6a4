"""A branch of a conversation as a file: JSON with OpenAI's messages, or Markdown."""

import json
from typing import Any

from playground.models import Conversation
from playground.threads import Exchange, answer_message, said_by

FORMAT = "open-weights-portal.conversation/1"


def as_json(conversation: Conversation, branch: list[Exchange]) -> str:
    """One JSON object; its `messages` are OpenAI's (https://platform.openai.com/docs/api-reference/chat).

    Whatever reads OpenAI's messages may take them from there; `importing` takes all of it.
    """
    last = branch[-1].generation.params if branch else {}
    exported = {
        "format": FORMAT,
        "title": conversation.title,
        "model": conversation.release.slug,
        "revision": last.get("revision", ""),
        "created_at": conversation.created_at.isoformat(),
        "settings": conversation.settings,
        "messages": messages_of(conversation.settings, branch),
    }
    return json.dumps(exported, ensure_ascii=False, indent=2) + "\n"


def messages_of(settings: dict[str, Any], branch: list[Exchange]) -> list[dict[str, Any]]:
    """System prompt, and all that was said; an empty answer is left out."""
    messages: list[dict[str, Any]] = []
    if system_prompt := settings.get("system_prompt"):
        messages.append({"role": "system", "content": system_prompt})
    for exchange in branch:
        messages += said_by(exchange.turn)
        if exchange.generation.text or exchange.generation.tool_calls:
            messages.append(answer_message(exchange.generation))
    return messages


def as_markdown(conversation: Conversation, branch: list[Exchange]) -> str:
    """For people: a heading for each who speaks, and the words as they were written."""
    parts = [
        f"# {conversation.title}",
        f"With {conversation.release.name}, {conversation.created_at:%d %B %Y}.",
    ]
    if system_prompt := conversation.settings.get("system_prompt"):
        parts += ["## System prompt", system_prompt]
    for exchange in branch:
        for message in said_by(exchange.turn):
            parts += ["## You" if message["role"] == "user" else "## Result of a tool", message["content"]]
        parts += [f"## {conversation.release.name}", exchange.generation.text or "*No words.*"]
        for call in exchange.generation.tool_calls:
            function = call["function"]
            parts += [f"Called `{function['name']}`:", f"```json\n{function['arguments']}\n```"]
    return "\n\n".join(parts) + "\n"
