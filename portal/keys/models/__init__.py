"""The tables of API keys."""

from portal.keys.models.devices import (
    DEVICE_LOGIN_MOVES,
    DeviceLogin,
    DeviceLoginStatus,
    RefreshToken,
)
from portal.keys.models.keys import (
    DEVELOPER_SCOPES,
    OFFERED_SCOPES,
    ApiKey,
    ApiKeyQuerySet,
    KeyNetwork,
    Scope,
    ServiceAccount,
)
from portal.keys.models.leaks import LeakOutcome, LeakReport
from portal.keys.models.limits import Limit, UsageAlert
from portal.keys.models.usage import DailyReleaseUsage, DailyUsage, UsageCursor

__all__ = [
    "DEVELOPER_SCOPES",
    "DEVICE_LOGIN_MOVES",
    "OFFERED_SCOPES",
    "ApiKey",
    "ApiKeyQuerySet",
    "DailyReleaseUsage",
    "DailyUsage",
    "DeviceLogin",
    "DeviceLoginStatus",
    "KeyNetwork",
    "LeakOutcome",
    "LeakReport",
    "Limit",
    "RefreshToken",
    "Scope",
    "ServiceAccount",
    "UsageAlert",
    "UsageCursor",
]
