"""Hooks for schemathesis, which would else name models and files that nobody has and see refusals only."""

import os
from typing import Any

import schemathesis

# A model and a file that are there, by the field in which bodies name one.
THERE = {"model": os.environ["CONTRACT_MODEL"], "input_file_id": os.environ["CONTRACT_FILE"]}


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Name what is there in every body that names something."""
    if not isinstance(body, dict):
        return body
    return body | {
        name: value for name, value in THERE.items() if body.get(name) and isinstance(body[name], str)
    }


@schemathesis.deserializer("application/jsonl")
def lines(context: Any, response: Any) -> list[str]:
    """A file, which is read as lines."""
    read: list[str] = response.content.decode().splitlines()
    return read
