"""A run beside the one before it: the same cases, asked of the same release earlier."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from playground.evaluations.models import EvaluationItem, EvaluationRun, ItemStatus, RunStatus, SuiteCase
from portal.common.intervals import Rate

CHANGES_SHOWN = 100


@dataclass(frozen=True)
class Change:
    """A case whose score is another than before; both are 0 to 1."""

    case: SuiteCase
    before: float
    now: float

    @property
    def is_better(self) -> bool:
        """Whether the answer meets the expectation now and did not before."""
        return self.now > self.before


@dataclass(frozen=True)
class Comparison:
    """What differs between a run and the one before."""

    before: EvaluationRun
    better: list[Change]
    worse: list[Change]
    has_other_settings: bool

    @property
    def rate(self) -> Rate:
        """The pass rate before."""
        return Rate(self.before.result["met"], self.before.result["total"])

    @property
    def changes(self) -> list[Change]:
        """What got worse first, CHANGES_SHOWN at most."""
        return [*self.worse, *self.better][:CHANGES_SHOWN]


def with_run_before(run: EvaluationRun) -> Comparison | None:
    """What differs from the last finished run of the same cases on the same release; None if none is.

    Three queries.
    """
    done = EvaluationRun.objects.filter(
        status=RunStatus.DONE,
        version=run.version,
        revision__release=run.revision.release,
        created_at__lt=run.created_at,
    )
    before = done.with_story().order_by("-created_at").first()
    if before is None:
        return None
    old = dict(_scores(before).values_list("case_id", "score"))
    rows = _scores(run).select_related("case").order_by("case__number")
    changed = [
        Change(item.case, old[item.case_id], item.score or 0.0)
        for item in rows
        if item.case_id in old and item.score != old[item.case_id]
    ]
    return Comparison(
        before,
        [one for one in changed if one.is_better],
        [one for one in changed if not one.is_better],
        has_other_settings=_settings(before) != _settings(run),
    )


def _scores(run: EvaluationRun) -> Any:
    return EvaluationItem.objects.filter(run=run, status=ItemStatus.SCORED)


def _settings(run: EvaluationRun) -> tuple[Iterable[tuple[str, Any]], str]:
    return sorted(run.params.items()), str(run.server.get("version", ""))
