"""How long a download takes, for a person who wonders whether to start it now."""

import math
from dataclasses import dataclass

# Mbit/s: a home or mobile connection, a good one, and a server's or a campus's.
SPEEDS = (20, 100, 1000)
MINUTE, HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class Estimate:
    """The time at one speed, in words."""

    megabits_per_second: int
    words: str


def estimates(size_bytes: int) -> list[Estimate]:
    """The time that so many bytes take at each of the usual speeds, when nothing else is in the way."""
    return [Estimate(speed, duration(size_bytes * 8 / (speed * 1_000_000))) for speed in SPEEDS]


def duration(seconds: float) -> str:
    """A duration as people say it, rounded up.

    >>> duration(0.2), duration(41.5), duration(90), duration(3600), duration(7500), duration(90_000)
    ('1 s', '42 s', '2 min', '1 h', '2 h 5 min', '25 h')
    """
    if seconds <= MINUTE:
        return f"{max(1, math.ceil(seconds))} s"
    minutes = math.ceil(seconds / MINUTE)
    if minutes < MINUTE:
        return f"{minutes} min"
    hours, rest = divmod(minutes, MINUTE)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
