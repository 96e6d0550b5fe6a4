"""JSON schemas of answers: whether one is a schema, and whether an answer is of that shape.

JSON Schema 2020-12 (https://json-schema.org/specification). Regular expressions are not tried on
answers, since one that a person wrote could take for ever on what a model wrote; the model server
holds the answer to them while it writes.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

FAULTS_SHOWN = 5
# Messages quote the value, which may be a whole answer; what is wrong with it stands behind.
MESSAGE_MAX, QUOTE_SHOWN, REASON_SHOWN = 200, 60, 120


def _untried(*_: Any) -> Iterator[ValidationError]:
    """A keyword that finds no fault."""
    return iter(())


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _untried, "patternProperties": _untried}
)


@dataclass(frozen=True)
class Fault:
    """Where an answer is not of its schema's shape, as a path such as `people[0].name`, and why."""

    path: str
    sentence: str


def fault_of_schema(schema: Mapping[str, Any]) -> str:
    """Why `schema` is none; "" when it is one."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"This is not a JSON schema: {_path(error)}: {_short(error.message)}"
    return ""


def faults(text: str, schema: Mapping[str, Any]) -> list[Fault]:
    """Where the answer `text` is not JSON of the shape of `schema`; the first few. Fetches nothing."""
    try:
        value = json.loads(text)
    except ValueError as error:
        return [Fault("", f"The answer is not JSON: {error}.")]
    # An empty registry: a reference to elsewhere is unresolvable instead of a request from here.
    validator = _Validator(schema, registry=Registry())
    try:
        return [
            Fault(_path(error), _short(error.message))
            for error in islice(validator.iter_errors(value), FAULTS_SHOWN)
        ]
    except (Unresolvable, RecursionError):
        return [Fault("", "The schema refers to something that is not in it.")]


def _path(error: ValidationError | SchemaError) -> str:
    """A path as people write it.

    >>> error = next(Draft202012Validator({"items": {"type": "string"}}).iter_errors([1]))
    >>> _path(error)
    '[0]'
    """
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return "".join(steps).lstrip(".") or "the whole"


def _short(message: str) -> str:
    if len(message) <= MESSAGE_MAX:
        return message
    return f"{message[:QUOTE_SHOWN]}…{message[-REASON_SHOWN:]}"
