"""What a run found, in numbers: the pass rate and each category's, with 95 % intervals, and what it cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, Sum

from playground.evaluations.models import EvaluationItem, EvaluationRun, ItemStatus
from portal.common.intervals import Rate

DIGITS = 6


@dataclass(frozen=True)
class Progress:
    """How many cases of a run stand where, and the tokens that its answers took."""

    by_status: Mapping[str, int]
    prompt_tokens: int
    completion_tokens: int
    asked_count: int

    @property
    def total(self) -> int:
        """All cases."""
        return sum(self.by_status.values())

    @property
    def unsettled(self) -> int:
        """Those yet to be asked, or out."""
        return self._of(ItemStatus.WAITING) + self._of(ItemStatus.OUT)

    @property
    def settled(self) -> int:
        """Those that have an answer or failed."""
        return self.total - self.unsettled

    @property
    def ungraded(self) -> int:
        """Those that wait for a person."""
        return self._of(ItemStatus.ANSWERED)

    @property
    def scored(self) -> int:
        """Those with a score."""
        return self._of(ItemStatus.SCORED)

    @property
    def failed(self) -> int:
        """Those without an answer."""
        return self._of(ItemStatus.FAILED)

    @property
    def repeats(self) -> int:
        """How often a case was asked anew, after a fault or a killed worker."""
        return max(0, self.asked_count - self.total + self._of(ItemStatus.WAITING))

    def _of(self, status: ItemStatus) -> int:
        return self.by_status.get(status, 0)


def progress_of(run: EvaluationRun) -> Progress:
    """Where a run's cases stand. One query."""
    rows = list(
        EvaluationItem.objects.filter(run=run)
        .order_by()
        .values("status")
        .annotate(
            count=Count("pk"),
            prompt=Sum("prompt_tokens"),
            completion=Sum("completion_tokens"),
            asked=Sum("attempts"),
        )
    )
    return Progress(
        {row["status"]: row["count"] for row in rows},
        sum(row["prompt"] for row in rows),
        sum(row["completion"] for row in rows),
        sum(row["asked"] for row in rows),
    )


def rates_of(run: EvaluationRun) -> dict[str, Rate]:
    """How many of the scored cases of each category meet their expectation, by category. One query."""
    rows = (
        EvaluationItem.objects.filter(run=run, status=ItemStatus.SCORED)
        .order_by("case__category")
        .values("case__category")
        .annotate(total=Count("pk"), met=Count("pk", filter=Q(score=1)))
    )
    return {row["case__category"]: Rate(row["met"], row["total"]) for row in rows}


def whole(rates: Mapping[str, Rate]) -> Rate:
    """All categories together."""
    return Rate(sum(rate.successes for rate in rates.values()), sum(rate.total for rate in rates.values()))


def metrics_of(rates: Mapping[str, Rate]) -> dict[str, float]:
    """The numbers that a policy may name: `pass_rate` and, for each category, `pass_rate.<category>`.

    `pass_rate_low` and `pass_rate_high` are the ends of the 95 % Wilson interval of all cases together.

    >>> metrics_of({"cyber": Rate(8, 10)})["pass_rate_low"]
    0.490162
    """
    named = {"pass_rate": whole(rates)} | {f"pass_rate.{name}": rate for name, rate in rates.items()}
    metrics = {name: round(rate.share, DIGITS) for name, rate in named.items() if rate.share is not None}
    if interval := named["pass_rate"].interval:
        metrics["pass_rate_low"], metrics["pass_rate_high"] = (round(end, DIGITS) for end in interval)
    return metrics


def as_json(rates: Mapping[str, Rate]) -> list[dict[str, Any]]:
    """The categories with their counts, as a run keeps them."""
    return [{"category": name, "met": rate.successes, "total": rate.total} for name, rate in rates.items()]
