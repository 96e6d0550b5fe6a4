"""What was used over some days, put together for a page or a file: by day, by release, by key."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from portal.common import charts
from portal.keys.models.usage import DailyUsageQuerySet
from portal.keys.percentiles import added, percentile

PERIODS = (7, 30, 90)
# Beyond as many the busiest are shown; the file has all of them.
KEYS_SHOWN = 100
CSV_HEADINGS = (
    *("Day (UTC)", "Release", "Key", "Key id", "Requests", "Failed", "Prompt tokens", "Answer tokens"),
    *("First token p50 (ms)", "First token p95 (ms)"),
)


@dataclass(frozen=True, slots=True)
class Amount:
    """What was used, with the times to the first token as a histogram of `portal.keys.percentiles`."""

    requests: int = 0
    failures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_tokens: Sequence[int] = field(default=())

    @property
    def successes(self) -> int:
        """The requests that did not fail."""
        return self.requests - self.failures

    @property
    def p50_ms(self) -> int | None:
        """The time within which half of the answers began; None if none did."""
        return percentile(self.first_tokens, 50)

    @property
    def p95_ms(self) -> int | None:
        """The time within which 95 of 100 answers began; None if none did."""
        return percentile(self.first_tokens, 95)

    def cells(self) -> tuple[int | None, ...]:
        """The numbers as a row of a file has them."""
        numbers = (self.requests, self.failures, self.prompt_tokens, self.completion_tokens)
        return (*numbers, self.p50_ms, self.p95_ms)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table: what the grouping's fields say, and what was used."""

    given: Mapping[str, Any]
    amount: Amount


@dataclass(frozen=True, slots=True)
class Days:
    """Every day of a period with what was used on it, also where that is nothing."""

    since: date
    until: date
    amounts: dict[date, Amount]

    @property
    def newest_first(self) -> list[tuple[date, Amount]]:
        """The days on which anything was asked."""
        return [(day, amount) for day, amount in reversed(self.amounts.items()) if amount.requests]

    @property
    def total(self) -> Amount:
        """All days together."""
        return total(self.amounts.values())

    def requests_chart(self) -> charts.Chart:
        """Answered requests, and failed ones on top of them."""
        return charts.of_parts({d: (one.successes, one.failures) for d, one in self._items()})

    def tokens_chart(self) -> charts.Chart:
        """Tokens of prompts, and those of answers on top of them."""
        return charts.of_parts({d: (one.prompt_tokens, one.completion_tokens) for d, one in self._items()})

    def first_tokens_chart(self) -> charts.Lines:
        """The median time to the first token, and the 95th percentile."""
        return charts.of_lines({day: (one.p50_ms, one.p95_ms) for day, one in self._items()})

    def _items(self) -> Iterable[tuple[date, Amount]]:
        return self.amounts.items()


def total(amounts: Iterable[Amount]) -> Amount:
    """The sum."""
    every = list(amounts)
    return Amount(
        sum(one.requests for one in every),
        sum(one.failures for one in every),
        sum(one.prompt_tokens for one in every),
        sum(one.completion_tokens for one in every),
        added(one.first_tokens for one in every),
    )


def amount_of(row: Mapping[str, Any]) -> Amount:
    """What a row of `DailyUsageQuerySet.by` says."""
    numbers = (row["requests"], row["failures"], row["prompt_tokens"], row["completion_tokens"])
    return Amount(*numbers, row["first_tokens"])


def by_day(usage: DailyUsageQuerySet, *, since: date, until: date) -> Days:
    """The usage of each day of a period, of which `usage` is. One query."""
    known = {row["day"]: amount_of(row) for row in usage.by("day")}
    days = (since + timedelta(days=number) for number in range((until - since).days + 1))
    return Days(since, until, {day: known.get(day, Amount()) for day in days})


def lines(usage: DailyUsageQuerySet, *names: str, limit: int | None = None) -> list[Line]:
    """The usage for each value of the fields, the most requests first. One query."""
    rows = usage.by(*names).order_by("-requests", *names)[:limit]
    return [Line(row, amount_of(row)) for row in rows]


def csv_rows(usage: DailyUsageQuerySet) -> Iterator[tuple[Any, ...]]:
    """A row a day, release and key, the newest first, as CSV_HEADINGS names them. One query."""
    names = ("day", "release__slug", "key__name", "key__public_id")
    found = usage.by(*names).order_by("-day", *names[1:])
    for row in found.iterator(chunk_size=500):
        key_id = f"owk_{row['key__public_id']}"
        yield (row["day"], row["release__slug"], row["key__name"], key_id, *amount_of(row).cells())
