"""What a report keeps of an answer, since the conversation may be deleted: its words only with consent."""

from typing import Any

from playground import parameters
from playground.models import Generation
from playground.prompting import body_for

# Numbers and names; every other setting may hold words, as a system prompt or a schema does.
_WORDLESS = frozenset({"model", "revision", "mode", "max_tokens", "seed_is_drawn"}) | {
    number.name for number in parameters.NUMBERS
}


def copy_of(answer: Generation, *, may_read: bool) -> dict[str, Any]:
    """The fields of Report that come from an answer, as they stand now; one query where staff may read.

    `messages` are what the model was sent: with the system prompt, and last the text that it went on
    from, if it did. A raw completion's prompt stands as one message.
    """
    params = answer.params
    facts = {
        "release": answer.release,
        "revision_commit": params.get("revision", ""),
        "generation": answer,
        "is_of_playground": True,
        "may_read": may_read,
        "parameters": {name: value for name, value in params.items() if name in _WORDLESS},
    }
    if not may_read:
        return facts
    body = body_for(answer)
    messages = body.get("messages") or [{"role": "user", "content": body["prompt"]}]
    # The system prompt is among the messages.
    settings = {name: value for name, value in params.items() if name != "system_prompt"}
    words = {"messages": messages, "answer": answer.text, "tool_calls": answer.tool_calls}
    return facts | words | {"parameters": settings}
