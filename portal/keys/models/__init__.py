"""The tables of API keys."""

from portal.keys.models.keys import (
    DEVELOPER_SCOPES,
    REVIEW_PERMISSION,
    ApiKey,
    ApiKeyQuerySet,
    Scope,
)
from portal.keys.models.usage import DailyUsage, UsageCursor

__all__ = [
    "DEVELOPER_SCOPES",
    "REVIEW_PERMISSION",
    "ApiKey",
    "ApiKeyQuerySet",
    "DailyUsage",
    "Scope",
    "UsageCursor",
]
