"""Who is in a wave: a pure function of candidates, policy and seed, so that anybody can repeat it."""

import hashlib
import hmac
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

SCORE, OLDEST = "score", "oldest"
# What others are shown of a lot: it still puts the tied in order, and it is too short to try references on.
LOT_DIGITS_SHOWN = 4
# What stands first, where a list is ordered by scores and some have none: whoever has one.
_Key = tuple[bool, float]


class Candidate(NamedTuple):
    """What the choice may know of an application on the waiting list; nothing else plays a part."""

    reference: str
    score: float | None
    country: str
    submitted_at: datetime

    def row(self) -> list[Any]:
        """The candidate in plain JSON, as the ledger's fingerprint has it."""
        return [self.reference, self.score, self.country, moment(self.submitted_at)]


@dataclass(frozen=True, slots=True)
class Policy:
    """How many, in which order (SCORE or OLDEST), and how many hundredths of `size` from one country."""

    size: int
    order: str
    country_percent_max: int | None = None

    @property
    def country_max(self) -> int | None:
        """How many of one country at most; None for no limit. Those who told no country count as one.

        >>> Policy(500, SCORE, 40).country_max, Policy(2, SCORE, 10).country_max, Policy(9, SCORE).country_max
        (200, 1, None)
        """
        if self.country_percent_max is None:
            return None
        return max(1, self.size * self.country_percent_max // 100)

    def facts(self) -> dict[str, Any]:
        """The policy in plain JSON."""
        return asdict(self)


class Place(NamedTuple):
    """A candidate's place among all; the first has rank 1."""

    rank: int
    candidate: Candidate
    lot: str
    is_chosen: bool


def choose(candidates: Iterable[Candidate], policy: Policy, *, seed: bytes) -> list[Candidate]:
    """Who is in, the first first."""
    return [place.candidate for place in places(candidates, policy, seed=seed) if place.is_chosen]


def places(candidates: Iterable[Candidate], policy: Policy, *, seed: bytes) -> list[Place]:
    """Every candidate in order, and whether they are in.

    From the first to the last each is taken while the wave has room and their country is not full; of those
    who are level the lowest lot is first. Without a score one stands behind all who have one.
    """
    each_once = {one.reference: one for one in candidates}.values()
    in_order = sorted((_key(one, policy), lot_of(one.reference, seed=seed), one) for one in each_once)
    taken, of_country = 0, Counter[str]()
    most = policy.size if policy.country_max is None else policy.country_max
    found = []
    for rank, (_, lot, one) in enumerate(in_order, start=1):
        is_chosen = taken < policy.size and of_country[one.country] < most
        if is_chosen:
            taken += 1
            of_country[one.country] += 1
        found.append(Place(rank, one, lot, is_chosen))
    return found


def lot_of(reference: str, *, seed: bytes) -> str:
    """The lot that decides among those who are level: HMAC-SHA256 (hex) of the reference under the seed."""
    return hmac.digest(seed, reference.encode(), "sha256").hex()


def commitment_to(seed: bytes) -> str:
    """What is published of a seed while it is secret: its SHA-256 (hex)."""
    return hashlib.sha256(seed).hexdigest()


def shown_list(found: Sequence[Place], policy: Policy) -> list[list[Any]]:
    """What everybody may see of `found`: each one's key, country, lot and fate, down to the last one chosen.

    The key is what the policy orders by. Countries are numbered as they first come, and lots cut short, so
    that no row tells whose it is. Who stands below the last one chosen adds nothing to anybody's proof.
    """
    end = max((place.rank for place in found if place.is_chosen), default=0)
    numbers = country_numbers(found)
    return [
        [
            shown_key(place.candidate, policy),
            numbers[place.candidate.country],
            place.lot[:LOT_DIGITS_SHOWN],
            place.is_chosen,
        ]
        for place in found[:end]
    ]


def country_numbers(found: Iterable[Place]) -> dict[str, int]:
    """The number of each country, from 1, as they first come in `found`."""
    countries = dict.fromkeys(place.candidate.country for place in found)
    return {country: number for number, country in enumerate(countries, start=1)}


def shown_key(candidate: Candidate, policy: Policy) -> float | str | None:
    """What the policy orders by, in plain JSON."""
    return candidate.score if policy.order == SCORE else moment(candidate.submitted_at)


def moment(at: datetime) -> str:
    """A time in UTC, to the microsecond, so that texts sort as times do.

    >>> moment(datetime(2026, 12, 1, 9, tzinfo=UTC))
    '2026-12-01T09:00:00.000000+00:00'
    """
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def fingerprint(facts: Any) -> str:
    """The SHA-256 (hex) of the canonical JSON of `facts`."""
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def fingerprint_of(candidates: Iterable[Candidate]) -> str:
    """The fingerprint of all candidates, in whatever order they come."""
    return fingerprint(sorted((one.row() for one in candidates), key=lambda row: str(row[0])))


def _key(candidate: Candidate, policy: Policy) -> _Key:
    if policy.order == OLDEST:
        return (False, candidate.submitted_at.timestamp())
    score = candidate.score
    return (True, 0.0) if score is None or not math.isfinite(score) else (False, -score)
