"""What was measured on a revision, in the form that people and other programs read."""

from collections.abc import Iterable
from dataclasses import dataclass

from portal.common.charts import Bar, of_rates
from portal.common.intervals import Rate
from portal.releases.models import Evaluation, EvaluationKind, Revision
from portal.releases.safety import policies
from portal.releases.safety.policies import Demand

# Beside the number itself: the ends of its interval, and what it is within one category.
INTERVAL_ENDS = ("_low", "_high")


@dataclass(frozen=True)
class Result:
    """The newest live result of one suite, with what the policy demands of it."""

    evaluation: Evaluation
    demands: tuple[Demand, ...]

    @property
    def metrics(self) -> dict[str, float]:
        """The main numbers by their names: no ends of intervals, and nothing of single categories."""
        found = self.evaluation.facts["metrics"]
        return {
            name: value
            for name, value in found.items()
            if not name.endswith(INTERVAL_ENDS) and name.partition(".")[0] not in set(found) - {name}
        }

    @property
    def bars(self) -> list[Bar]:
        """One bar for all cases and one for each category; none where the result counts no cases."""
        told = self.evaluation.facts["facts"].get("categories", [])
        rates = {one["category"]: Rate(one["met"], one["total"]) for one in told}
        whole = Rate(sum(one.successes for one in rates.values()), sum(one.total for one in rates.values()))
        return of_rates({"All": whole, **rates} if len(rates) > 1 else rates)

    @property
    def is_met(self) -> bool:
        """Whether it is as good as the policy demands."""
        metrics = self.evaluation.facts["metrics"]
        return all(one.is_met_by(metrics.get(one.metric)) for one in self.demands)


def newest_of(revision: Revision) -> list[Evaluation]:
    """The newest genuine live evaluation of each suite, in the order of their names.

    One query, and none where the revision's evaluations were loaded with it.
    """
    # Not `live()`, which would ask again for what was loaded.
    genuine = [one for one in revision.evaluations.all() if one.withdrawn_at is None and one.is_genuine]
    by_suite = {one.suite: one for one in reversed(genuine)}
    return [by_suite[suite] for suite in sorted(by_suite)]


def measured(evaluations: Iterable[Evaluation]) -> list[Result]:
    """Those that are measurements, each with what is demanded of it. One query."""
    policy = policies.in_force()
    terms = policies.terms_of(policy) if policy else None
    demands = terms.evaluations if terms else ()
    return [
        Result(one, tuple(demand for demand in demands if demand.suite == one.suite))
        for one in evaluations
        if one.kind != EvaluationKind.REPORT
    ]


def reports(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """Those that are an outsider's report."""
    return [one for one in evaluations if one.kind == EvaluationKind.REPORT]
