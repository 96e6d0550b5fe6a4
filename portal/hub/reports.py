"""What was downloaded of a release: requests and bytes by day, revision and kind of client, and by how many.

All of it comes from the tallies and holdings, with the downloads that these lack added on
the fly, so that a report costs the same after a million downloads.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Greatest

from portal.hub.models import ClientFamily, Download, DownloadQuerySet, Tally
from portal.releases.models import Release, Revision

_PEOPLE = """
SELECT revision_id, COUNT(DISTINCT user_id)
FROM (
    SELECT file.revision_id, holding.user_id
    FROM hub_holding AS holding JOIN releases_weightfile AS file ON file.id = holding.file_id
    JOIN releases_revision AS revision ON revision.id = file.revision_id
    WHERE revision.release_id = %(release)s
    UNION
    SELECT file.revision_id, download.user_id
    FROM hub_download AS download JOIN releases_weightfile AS file ON file.id = download.file_id
    JOIN releases_revision AS revision ON revision.id = file.revision_id
    WHERE revision.release_id = %(release)s AND NOT download.is_counted
) AS taken
GROUP BY GROUPING SETS ((revision_id), ())
"""


@dataclass(frozen=True, slots=True)
class Amount:
    """Answered requests, and the bytes that left."""

    request_count: int = 0
    sent_bytes: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.request_count + other.request_count, self.sent_bytes + other.sent_bytes)


@dataclass(frozen=True, slots=True)
class Report:
    """One release's downloads; `days` without gaps and only since the asked one, the rest of all time."""

    days: dict[date, Amount]
    revisions: list[tuple[Revision, Amount, int]]
    families: list[tuple[ClientFamily, Amount]]
    total: Amount
    people_count: int


@dataclass(frozen=True, slots=True)
class _Fresh:
    """Downloads that are not in the tallies yet, or not with all that left."""

    release_id: int
    revision_id: int
    day: date
    family: str
    amount: Amount


def of_release(release: Release, *, since: date, until: date) -> Report:
    """What was downloaded of `release`. Six queries."""
    tallies = Tally.objects.filter(revision__release=release)
    fresh = _fresh(Download.objects.filter(file__revision__release=release))
    days = _added_up(tallies.filter(day__gte=since, day__lte=until), "day", fresh)
    by_revision = _added_up(tallies, "revision_id", fresh)
    by_family = _added_up(tallies, "family", fresh)
    people = _people(release)
    families = [(ClientFamily(name), amount) for name, amount in by_family.items()]
    return Report(
        days={day: days.get(day, Amount()) for day in _days(since, until)},
        revisions=[
            (revision, by_revision.get(revision.pk, Amount()), people.get(revision.pk, 0))
            for revision in release.revisions.order_by("-frozen_at")
        ],
        families=sorted(families, key=lambda one: -one[1].sent_bytes),
        total=sum(by_revision.values(), Amount()),
        people_count=people.get(None, 0),
    )


def of_all(*, since: date, until: date) -> list[tuple[Release, Amount]]:
    """Every release with what was downloaded of it in these days, the most bytes first. Three queries."""
    fresh = _fresh(Download.objects.filter(day__gte=since, day__lte=until))
    tallies = Tally.objects.filter(day__gte=since, day__lte=until)
    sums = _added_up(tallies.annotate(release_id=F("revision__release_id")), "release_id", fresh)
    found = [(one, sums.get(one.pk, Amount())) for one in Release.objects.order_by("name")]
    return sorted(found, key=lambda one: -one[1].sent_bytes)


def _added_up(tallies: QuerySet[Tally], key: str, fresh: list[_Fresh]) -> dict[Any, Amount]:
    """The tallies by `key`, which the fresh downloads have too, and these with them. One query."""
    rows = tallies.order_by().values_list(key).annotate(Sum("request_count"), Sum("sent_bytes"))
    found = {name: Amount(requests, sent) for name, requests, sent in rows}
    for one in fresh:
        name = getattr(one, key)
        found[name] = found.get(name, Amount()) + one.amount
    return found


def _fresh(downloads: DownloadQuerySet) -> list[_Fresh]:
    facts = ("file__revision__release_id", "file__revision_id", "day", "family")
    rows = (
        downloads.filter(is_counted=False)
        .order_by()
        .values_list(*facts)
        .annotate(
            requests=Count("pk", filter=Q(counted_bytes__lt=0)),
            sent=Sum(F("sent_bytes") - Greatest(F("counted_bytes"), Value(0))),
        )
    )
    return [
        _Fresh(release_id, revision_id, day, family, Amount(requests, sent))
        for release_id, revision_id, day, family, requests, sent in rows
    ]


def _people(release: Release) -> dict[int | None, int]:
    """How many people took anything of each revision (by id), and under None of all together."""
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, {"release": release.pk})
        return dict(cursor.fetchall())


def _days(since: date, until: date) -> list[date]:
    return [since + timedelta(days=number) for number in range((until - since).days + 1)]
