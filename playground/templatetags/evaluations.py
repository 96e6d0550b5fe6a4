"""How the console tells an expectation."""

import json
from collections.abc import Mapping
from typing import Any

from django import template

from playground.evaluations.expectations import KINDS

register = template.Library()

DETAIL_CHARACTERS = 200


@register.filter
def expected(expectation: Mapping[str, Any]) -> str:
    """What is expected, in words, and then what it is about.

    >>> expected({"type": "refusal"}), expected({"type": "contains", "any": ["Paris"]})
    ('The answer refuses.', 'The answer contains a text. any: ["Paris"]')
    """
    kind = str(expectation.get("type"))
    more = ", ".join(
        f"{name}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in expectation.items()
        if name != "type"
    )
    return f"{KINDS.get(kind, kind)} {more}"[:DETAIL_CHARACTERS].strip()
