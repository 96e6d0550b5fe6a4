"""What is used and left of each limit, for those who look at it; the gateway decides by Valkey's scripts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from django.conf import settings

from portal.accounts.models import User
from portal.keys.applying import SCOPE, LimitInForce, Sums, all_sums, in_force_for

FIELDS = ("rate", "drained", "running", "reserved", "day", "day_used", "total_used")
VALKEY_TIMEOUT_SECONDS = 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()
MINUTE_MS = 60_000
LABELS = {
    "requests_per_minute": "Requests a minute",
    "concurrent_requests": "Requests at a time",
    "tokens_per_minute": "Tokens a minute",
    "tokens_per_day": "Tokens a day",
    "tokens_total": "Tokens in total",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How one number of a limit stands.

    `kind` is the field of `Limit`. `held` are tokens that running requests may still use; they
    are in neither `used` nor `left`. `resets_at` is when all of it is back, None for never.
    """

    limit: LimitInForce
    kind: str
    number: int
    used: int
    held: int
    left: int
    resets_at: datetime | None

    @property
    def label(self) -> str:
        """The kind in words."""
        return LABELS[self.kind]

    @property
    def percent(self) -> int:
        """How much of it is used, 0 to 100, held tokens not among it."""
        return min(100, self.used * 100 // self.number) if self.number else 100


def standing_of(limits: Sequence[LimitInForce], *, at: datetime | None = None) -> list[Standing]:
    """How every number of `limits` stands. One round trip to Valkey, and one query if there are budgets.

    While Valkey is away, only what the database knows is told.
    """
    moment = at or datetime.now(UTC)
    states = _states([limit.name for limit in limits])
    known = all_sums([limit.name for limit in limits if limit.has_budget], at=moment)
    return [
        standing
        for limit, state in zip(limits, states, strict=True)
        for standing in _standings(limit, state, known.get(limit.name), moment)
    ]


def _states(names: Iterable[str]) -> list[dict[str, float]]:
    """What Valkey holds of each scope, zeros for what it does not."""
    given = list(names)
    client: Any = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=VALKEY_TIMEOUT_SECONDS,
        socket_connect_timeout=VALKEY_TIMEOUT_SECONDS,
    )
    try:
        with client, client.pipeline(transaction=False) as pipeline:
            for name in given:
                pipeline.hmget(f"{SCOPE}{name}", FIELDS)
            rows = pipeline.execute()
    except redis.RedisError:
        rows = [[None] * len(FIELDS)] * len(given)
    return [dict(zip(FIELDS, (float(value or 0) for value in row), strict=True)) for row in rows]


def _standings(
    limit: LimitInForce, state: dict[str, float], known: Sums | None, moment: datetime
) -> Iterable[Standing]:
    now_ms, held = moment.timestamp() * 1000, int(state["reserved"])
    day_used, total_used = int(state["day_used"]), int(state["total_used"])
    if known is not None:
        day_used = max(day_used if int(state["day"]) == known.day else 0, known.day_tokens)
        total_used = max(total_used, known.total_tokens)
    midnight = datetime.combine(moment.date() + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
    drains_ms = max(0.0, state["drained"] - now_ms)
    spent_ms = max(0.0, state["rate"] - now_ms)
    told: dict[str, tuple[int, int, datetime | None]] = {
        "requests_per_minute": (
            round(spent_ms * (limit.requests_per_minute or 0) / MINUTE_MS),
            0,
            moment + timedelta(milliseconds=spent_ms),
        ),
        "concurrent_requests": (int(state["running"]), 0, moment),
        "tokens_per_minute": (
            round(drains_ms * (limit.tokens_per_minute or 0) / MINUTE_MS),
            held,
            moment + timedelta(milliseconds=drains_ms),
        ),
        "tokens_per_day": (day_used, held, midnight),
        "tokens_total": (total_used, held, None),
    }
    for kind, (used, its_held, resets_at) in told.items():
        number = getattr(limit, kind)
        if number is not None:
            left = max(0, number - used - its_held)
            yield Standing(limit, kind, number, used, its_held, left, resets_at)


def remaining(user: User, *, at: datetime | None = None) -> list[Standing]:
    """How every limit stands that holds for some request of `user`, the key's own and the shared ones."""
    return standing_of(in_force_for(user), at=at)
