"""The account in the OpenAPI description: its address and what it answers."""

from playground.reference.fields import JSON
from playground.reference.operations import operation
from playground.reference.schemas import COUNT, TEXT, TEXT_OR_NULL, TIME, shape
from portal.keys.limiting import LABELS
from portal.keys.models import Scope
from portal.keys.reports import PERIODS

TIME_OR_NULL = TIME | {"type": ["integer", "null"]}
DAY = {"type": "string", "format": "date"}
TEXTS_OR_NULL = {"type": ["array", "null"], "items": TEXT}
_KEY = shape(
    {
        "id": TEXT,
        "name": TEXT,
        "scopes": {"type": "array", "items": {"enum": Scope.values}},
        "created_at": TIME,
        "expires_at": TIME_OR_NULL,
        "releases": TEXTS_OR_NULL,
        "networks": TEXTS_OR_NULL,
    },
    *("id", "name", "scopes", "created_at", "expires_at", "releases", "networks"),
)
_LIMIT = shape(
    {
        "of": {"enum": ["key", "user", "programme", "release"]},
        "whose": TEXT | {"description": "Whom the limit counts, in words."},
        "key": TEXT_OR_NULL | {"description": "The id of the key that it counts."},
        "counts": {"enum": list(LABELS)},
        "limit": COUNT,
        "used": COUNT,
        "held": COUNT | {"description": "What running requests may still use; neither used nor remaining."},
        "remaining": COUNT,
        "resets_at": TIME_OR_NULL,
    },
    *("of", "whose", "key", "counts", "limit", "used", "held", "remaining", "resets_at"),
)
_USED = shape(
    {
        "day": DAY,
        "release": TEXT,
        "requests": COUNT,
        "failed": COUNT,
        "prompt_tokens": COUNT,
        "completion_tokens": COUNT,
    },
    *("day", "release", "requests", "failed", "prompt_tokens", "completion_tokens"),
)
SCHEMAS: JSON = {
    "Account": shape(
        {
            "object": {"const": "account"},
            "email": TEXT,
            "email_verified": {"type": "boolean"},
            "name": TEXT,
            "created_at": TIME,
            "key": _KEY,
            "limits": {"type": "array", "items": _LIMIT},
            "usage": shape(
                {"since": DAY, "until": DAY, "data": {"type": "array", "items": _USED}},
                *("since", "until", "data"),
            ),
        },
        *("object", "email", "email_verified", "name", "created_at", "key", "limits", "usage"),
    )
}
DAYS = {
    "name": "days",
    "in": "query",
    "schema": {"enum": list(PERIODS), "default": 30},
    "description": "How many days of usage, today (UTC) among them.",
}
PATHS: JSON = {
    "/account": {
        "get": operation(
            "retrieveAccount",
            "Account",
            "Read your account, limits and usage, by a key with the scope “account”",
            answer="Account",
            parameters=[DAYS],
        )
    }
}
