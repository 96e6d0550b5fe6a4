"""What the model server is asked for a generation: path and body, from its turn and its frozen parameters."""

from typing import Any

from playground import parameters
from playground.models import Generation
from playground.threads import messages_for

CHAT_PATH, RAW_PATH = "/v1/chat/completions", "/v1/completions"


def path_for(params: dict[str, Any]) -> str:
    """Where it is asked."""
    return RAW_PATH if parameters.is_raw(params) else CHAT_PATH


def body_for(generation: Generation) -> dict[str, Any]:
    """OpenAI's request for `generation`, as its sender would write it. One query.

    An answer that goes on from a text has that text last, and vLLM's `continue_final_message`.
    """
    params = generation.params
    body: dict[str, Any] = {"model": params["model"]}
    if parameters.is_raw(params):
        body["prompt"] = generation.turn.prompt + generation.prefix
    else:
        body["messages"] = messages_for(generation)
    body |= parameters.fields_of(params)
    if generation.prefix and not parameters.is_raw(params):
        body["messages"].append({"role": "assistant", "content": generation.prefix})
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    return body
