"""Who would be in a wave if it were drawn now; nothing is settled by it."""

import secrets
from collections import Counter
from dataclasses import dataclass

from portal.accounts.models import User
from portal.admissions import choosing, countries
from portal.admissions.models import Application, Programme
from portal.admissions.waves.work import candidates_of

PEOPLE_SHOWN = 100
NO_COUNTRY = "No country told"


@dataclass(frozen=True, slots=True)
class CountryShare:
    """How many of one country would be in, and how many of it wait."""

    name: str
    chosen: int
    waiting: int
    is_full: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """The wave as it would be; `people` are the first of those who would be in, the first first."""

    candidates: int
    chosen: int
    short_of: int
    by_lot: int
    shares: list[CountryShare]
    people: list[tuple[choosing.Place, Application, bool]]


def preview_of(programme: Programme, policy: choosing.Policy, *, by: User) -> Preview:
    """Draw with lots of its own, so that the sealed ones stay sealed, and mark whom the lot may decide.

    Two queries; reads the whole waiting list once.
    """
    candidates = candidates_of(programme, by=by)
    ids = {one.reference: pk for pk, one in candidates.items()}
    found = choosing.places(candidates.values(), policy, seed=secrets.token_bytes(32))
    chosen = [place for place in found if place.is_chosen]
    level_and_out = {_level(place, policy) for place in found if not place.is_chosen}
    shown = {place.candidate.reference: place for place in chosen[:PEOPLE_SHOWN]}
    rows = Application.objects.select_related("applicant", "programme").defer(
        "search_words", "words", "answers", "asked"
    )
    applications = rows.in_bulk([ids[reference] for reference in shown])
    return Preview(
        candidates=len(found),
        chosen=len(chosen),
        short_of=policy.size - len(chosen),
        by_lot=sum(_level(place, policy) in level_and_out for place in chosen),
        shares=_shares(found, policy),
        people=[
            (place, applications[ids[reference]], _level(place, policy) in level_and_out)
            for reference, place in shown.items()
            if ids[reference] in applications
        ],
    )


def _level(place: choosing.Place, policy: choosing.Policy) -> float | str | None:
    return choosing.shown_key(place.candidate, policy)


def _shares(found: list[choosing.Place], policy: choosing.Policy) -> list[CountryShare]:
    """The countries that wait, those with the most who are in first."""
    waiting = Counter(place.candidate.country for place in found)
    chosen = Counter(place.candidate.country for place in found if place.is_chosen)
    most = policy.country_max
    shares = [
        CountryShare(
            name=countries.name_of(code) if code else NO_COUNTRY,
            chosen=chosen[code],
            waiting=number,
            is_full=most is not None and chosen[code] >= most,
        )
        for code, number in waiting.items()
    ]
    return sorted(shares, key=lambda share: (-share.chosen, -share.waiting, share.name))
