"""What a regression case expects of an answer: written as people type it, kept as suites have it."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from playground import schemas
from playground.reporting.models import ExpectationType
from portal.common.refusals import Refusal

TEXTS_MAX, TEXT_CHARACTERS_MAX = 50, 1_000
PATTERN_CHARACTERS_MAX = 500
SCHEMA_CHARACTERS_MAX = 20_000
QUESTION_CHARACTERS_MAX = 500
_T = ExpectationType


def expectation_of(kind: str, typed: str) -> dict[str, Any]:
    r"""The expectation that a person means: texts stand one a line, a schema is JSON.

    Raises Refusal with what is wrong.

    >>> expectation_of("not_contains", "step one\n\nstep two")
    {'type': 'not_contains', 'texts': ['step one', 'step two']}
    >>> expectation_of("refusal", "")
    {'type': 'refusal'}
    """
    if kind not in ExpectationType.values:
        raise _refusal("Choose what the answer is held to.")
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
    def read(typed: str) -> dict[str, Any]:
        texts = [line.strip() for line in typed.splitlines() if line.strip()]
        if not 0 < len(texts) <= TEXTS_MAX:
            raise _refusal(f"Write 1 to {TEXTS_MAX} texts, one a line.")
        if any(len(text) > TEXT_CHARACTERS_MAX for text in texts):
            raise _refusal(f"Shorten the texts: each has {TEXT_CHARACTERS_MAX:,} characters at most.")
        return {name: texts}

    return read


def _pattern(typed: str) -> dict[str, Any]:
    if not 0 < len(typed) <= PATTERN_CHARACTERS_MAX:
        raise _refusal(f"Write a regular expression of 1 to {PATTERN_CHARACTERS_MAX} characters.")
    try:
        re.compile(typed)
    except (re.error, RecursionError, OverflowError) as error:
        raise _refusal(f"This is no regular expression: {error}.") from error
    return {"pattern": typed}


def _schema(typed: str) -> dict[str, Any]:
    try:
        schema = json.loads(typed)
    except (ValueError, RecursionError) as error:
        raise _refusal(f"The schema is not JSON: {error}.") from error
    if not isinstance(schema, dict) or len(typed) > SCHEMA_CHARACTERS_MAX:
        raise _refusal(f"Write the schema as an object of {SCHEMA_CHARACTERS_MAX:,} characters at most.")
    if fault := schemas.fault_of_schema(schema):
        raise _refusal(fault)
    return {"schema": schema}


def _question(typed: str) -> dict[str, Any]:
    if len(typed) > QUESTION_CHARACTERS_MAX:
        raise _refusal(f"Shorten the question: {QUESTION_CHARACTERS_MAX} characters are the most.")
    return {"question": typed} if typed else {}


def _refusal(sentence: str) -> Refusal:
    return Refusal("expectation_invalid", sentence, status=422)


_FIELDS: dict[ExpectationType, Callable[[str], dict[str, Any]]] = {
    _T.REFUSAL: _nothing,
    _T.CONTAINS: _texts("all"),
    _T.NOT_CONTAINS: _texts("texts"),
    _T.REGEX: _pattern,
    _T.JSON_SCHEMA: _schema,
    _T.BY_HAND: _question,
}
