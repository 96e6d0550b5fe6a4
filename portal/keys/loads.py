"""What so many more developers would ask of the model servers, going by what a programme's own ask now."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean, median
from typing import Any

from django.db.models import F, Sum

from portal.admissions.models import Application, ApplicationStatus, Programme
from portal.keys.models import DailyUsage

# Four whole weeks, so that each day of the week counts alike.
WINDOW_DAYS = 28


@dataclass(frozen=True, slots=True)
class Load:
    """The tokens and requests a day of one developer, and of `people` of them."""

    developers: int
    people: int
    tokens_median: float
    tokens_mean: float
    requests_mean: float

    @property
    def typical_tokens(self) -> int:
        """What all of them come to if each does what the developer in the middle does."""
        return round(self.tokens_median * self.people)

    @property
    def expected_tokens(self) -> int:
        """What all of them come to if a few use most of it, as now."""
        return round(self.tokens_mean * self.people)

    @property
    def expected_requests(self) -> int:
        """The requests that go with it."""
        return round(self.requests_mean * self.people)

    @property
    def percent_more(self) -> int:
        """How much more it is than all present developers of the programme ask, in per cent."""
        return round(100 * self.people / self.developers)


def load_of(programme: Programme, *, people: int, today: date) -> Load | None:
    """What `people` more would bring, from the last four weeks before `today` (UTC); None without data.

    Every developer with access for a whole day counts, those who used nothing too; the days before one's
    approval don't. The playground counts as the API does. Two queries.
    """
    since, until = today - timedelta(days=WINDOW_DAYS), today - timedelta(days=1)
    days = dict(_days_of_access(programme, since=since, today=today))
    used = {
        row["key__user"]: (row["tokens"] / days[row["key__user"]], row["requests"] / days[row["key__user"]])
        for row in _used(programme, since=since, until=until)
        if row["key__user"] in days
    }
    if not used:
        return None
    tokens, requests = zip(*(used.get(user, (0.0, 0.0)) for user in days), strict=True)
    return Load(len(days), people, median(tokens), fmean(tokens), fmean(requests))


def _days_of_access(programme: Programme, *, since: date, today: date) -> Iterable[tuple[int, int]]:
    """Each approved developer's id, and for how many whole days of the window they have been one."""
    approved = Application.objects.filter(programme=programme, status=ApplicationStatus.APPROVED)
    for user, decided_at in approved.values_list("applicant", "decided_at"):
        first = max(since, decided_at.date() + timedelta(days=1)) if decided_at else since
        if first < today:
            yield user, (today - first).days


def _used(programme: Programme, *, since: date, until: date) -> Iterable[Any]:
    of_releases = DailyUsage.objects.between(since, until).filter(
        release__in=programme.releases.values("pk"),
        key__user__in=Application.objects.filter(
            programme=programme, status=ApplicationStatus.APPROVED
        ).values("applicant"),
    )
    sums = of_releases.values("key__user").annotate(
        tokens=Sum(F("prompt_tokens_count") + F("completion_tokens_count")), requests=Sum("requests_count")
    )
    return sums.order_by()
