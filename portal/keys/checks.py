"""System checks of the API's limits."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def the_absence_of_valkey_is_decided(**_: Any) -> list[CheckMessage]:
    """The gateway knows what to do while Valkey is away."""
    if settings.GATEWAY_WHEN_VALKEY_IS_AWAY in {"refuse", "allow"}:
        return []
    told = f"GATEWAY_WHEN_VALKEY_IS_AWAY is “{settings.GATEWAY_WHEN_VALKEY_IS_AWAY}”."
    return [Error(told, hint="Set it to “refuse” or “allow”.", id="portal.E007")]
