"""How long an acceptance counts: whom a version asks again, and from when on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from portal.accounts.models import User
from portal.licensing.models import Acceptance, LicenceVersion, Reacceptance


@dataclass(frozen=True)
class AcceptedVersion:
    """Those whose newest acceptance is of one version, and whether a newer one asks them again."""

    version: LicenceVersion
    people_count: int
    is_asked: bool


@dataclass(frozen=True)
class Standing:
    """Until when an acceptance of an earlier version counts (None: for good), and whether it still does."""

    accepted: LicenceVersion
    until: datetime | None
    counts: bool

    @property
    def last_day(self) -> str:
        """The last day on which it counts, in words; "" when it counts for good."""
        return last_day(self.until) if self.until else ""


def grace_end(published_at: datetime, *, days: int) -> datetime | None:
    """The midnight (UTC) at the end of the last of `days` after the day of publication; None for none.

    >>> grace_end(datetime(2026, 11, 22, 15, tzinfo=UTC), days=11)
    datetime.datetime(2026, 12, 4, 0, 0, tzinfo=datetime.timezone.utc)
    """
    if not days:
        return None
    day = published_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=days + 1)


def last_day(ends_at: datetime) -> str:
    """The last day on which something counts that ends at `ends_at`.

    >>> last_day(datetime(2026, 12, 4, tzinfo=UTC))
    '3 December 2026'
    """
    return f"{ends_at.astimezone(UTC) - timedelta(microseconds=1):%-d %B %Y}"


def counts_until(accepted: LicenceVersion, published: Sequence[LicenceVersion]) -> datetime | None:
    """Until when an acceptance of `accepted` counts; None for as far as can be told.

    `published` are the versions in force so far, newest first. Each asks on its own account, so that a
    newer one with more grace gives no time to those whom an older one stops. No query.
    """
    places = {version.pk: place for place, version in enumerate(published)}
    place = places[accepted.pk]
    stops = [one.stops_earlier_at for one in published[:place] if _asks(one, place, places)]
    return min((stop for stop in stops if stop is not None), default=None)


def standing_of(
    accepted: LicenceVersion, published: Sequence[LicenceVersion], *, at: datetime | None = None
) -> Standing:
    """How an acceptance of `accepted` stands at `at` (None: now). No query."""
    until = counts_until(accepted, published)
    return Standing(accepted, until, counts=until is None or until > (at or timezone.now()))


def _asks(version: LicenceVersion, accepted_place: int, places: dict[int, int]) -> bool:
    if version.reacceptance == Reacceptance.BEFORE:
        return accepted_place > places.get(version.reacceptance_before_id or 0, accepted_place)
    return version.reacceptance == Reacceptance.EVERYBODY


def holders_of(version: LicenceVersion) -> QuerySet[User]:
    """The active people who accepted a version before this one (a draft: any version)."""
    mine = Acceptance.objects.filter(user=OuterRef("pk"), version__in=[one.pk for one in _before(version)])
    return User.objects.filter(Exists(mine), is_active=True)


def asked_by(version: LicenceVersion) -> QuerySet[User]:
    """The active holders whom `version`, a draft or not, asks to accept it and who have not. One query."""
    earlier = _before(version)
    counting = [one.pk for one in _announced(version) if one not in earlier]
    counting += [one.pk for one in earlier if not _is_asked(version, one, earlier)]
    kept = Acceptance.objects.filter(user=OuterRef("pk"), version__in=counting)
    return holders_of(version).filter(~Exists(kept))


def breakdown(version: LicenceVersion) -> list[AcceptedVersion]:
    """The active holders by the newest version that they accepted, newest first. A query a version."""
    earlier = _before(version)
    rows = []
    for place, one in enumerate(earlier):
        newer = Acceptance.objects.filter(user=OuterRef("user"), version__in=[v.pk for v in earlier[:place]])
        count = one.acceptances.filter(~Exists(newer), user__is_active=True).count()
        if count:
            rows.append(AcceptedVersion(one, count, _is_asked(version, one, earlier)))
    return rows


def _announced(version: LicenceVersion) -> list[LicenceVersion]:
    announced = LicenceVersion.objects.announced().filter(licence=version.licence_id)
    return list(announced.defer("text").select_related("licence"))


def _before(version: LicenceVersion) -> list[LicenceVersion]:
    """The announced versions that come before `version`, newest first."""
    if version.published_at is None:
        return _announced(version)
    place = (version.published_at, version.pk)
    return [one for one in _announced(version) if (one.published_at, one.pk) < place]


def _is_asked(version: LicenceVersion, accepted: LicenceVersion, earlier: list[LicenceVersion]) -> bool:
    places = {one.pk: place for place, one in enumerate(earlier)}
    return _asks(version, places[accepted.pk], places)
