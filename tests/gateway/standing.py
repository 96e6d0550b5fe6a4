"""What Valkey holds of the limits, as it stands."""

import redis

from portal.keys.applying import SCOPE


def limit_state(valkey: redis.Redis, name: str) -> dict[str, float]:
    """The numbers that a Valkey (which decodes) holds of one scope of limits."""
    told = valkey.hgetall(f"{SCOPE}{name}")
    return {field: float(value) for field, value in told.items() if field != "seeded"}
