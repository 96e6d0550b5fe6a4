"""What a regression case expects of an answer: written as people type it, kept as suites have it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from playground.reporting.models import ExpectationType
from portal.common.refusals import Refusal

_T = ExpectationType


def expectation_of(kind: str, typed: str) -> dict[str, Any]:
    r"""The expectation that a person means: texts stand one a line, a schema is JSON.

    Whether it is one is said by `playground.evaluations.expectations.fault_of`, as of every suite.

    Raises Refusal for no type that is known, and for a schema that is not JSON.

    >>> expectation_of("not_contains", "step one\n\nstep two")
    {'type': 'not_contains', 'texts': ['step one', 'step two']}
    >>> expectation_of("refusal", "")
    {'type': 'refusal'}
    """
    if kind not in ExpectationType.values:
        raise Refusal("expectation_invalid", "Choose what the answer is held to.", status=422)
    return {"type": kind, **_FIELDS[ExpectationType(kind)](typed.strip())}


def typed_of(expectation: Mapping[str, Any]) -> str:
    r"""What a person would have typed for an expectation.

    >>> typed_of({"type": "contains", "all": ["a", "b"]})
    'a\nb'
    """
    if (schema := expectation.get("schema")) is not None:
        return json.dumps(schema, indent=2, ensure_ascii=False)
    texts = expectation.get("texts") or expectation.get("all") or []
    return "\n".join(texts) or str(expectation.get("pattern") or expectation.get("question") or "")


def _nothing(_: str) -> dict[str, Any]:
    return {}


def _texts(name: str) -> Callable[[str], dict[str, Any]]:
    return lambda typed: {name: [line.strip() for line in typed.splitlines() if line.strip()]}


def _pattern(typed: str) -> dict[str, Any]:
    return {"pattern": typed}


def _schema(typed: str) -> dict[str, Any]:
    try:
        return {"schema": json.loads(typed)}
    except (ValueError, RecursionError) as error:
        sentence = f"The schema is not JSON: {error}."
        raise Refusal("expectation_invalid", sentence, status=422) from error


def _question(typed: str) -> dict[str, Any]:
    return {"question": typed} if typed else {}


_FIELDS: dict[ExpectationType, Callable[[str], dict[str, Any]]] = {
    _T.REFUSAL: _nothing,
    _T.CONTAINS: _texts("all"),
    _T.NOT_CONTAINS: _texts("texts"),
    _T.REGEX: _pattern,
    _T.JSON_SCHEMA: _schema,
    _T.BY_HAND: _question,
}
