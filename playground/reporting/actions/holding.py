"""How regression cases hold back a revision: the release demands, of every one to come, that it passes them.

The safety gate then keeps a revision from being given out until `take_outcomes` has recorded that it
passed every case that holds, or those cases are retired. What is open stays open.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.db.models import Exists, OuterRef

from playground.reporting.models import RegressionCase, RegressionCaseQuerySet, RegressionOutcome
from playground.reporting.suites import slug_of, suite_of
from portal.accounts.models import User
from portal.releases.models import EvaluationKind, Release, Requirement, Revision
from portal.releases.safety import evaluations, requirements

METRIC = "pass_rate"
REASON = "What was reported and found to be so must not come back."


def held_slug_of(release: Release) -> str:
    """What the release demands: the cases of its suite that hold, as an evaluation of their own."""
    return f"{slug_of(release)}/held"


def demand(release: Release, *, by: User | None, address: str | None) -> None:
    """Demand of the revisions to come that they pass the cases that hold. Idempotent."""
    requirements.require(
        release,
        suite=held_slug_of(release),
        metric=METRIC,
        threshold=1.0,
        reason=REASON,
        by=by,
        address=address,
    )


def lift_demand(release: Release, *, by: User | None, address: str | None) -> None:
    """Demand nothing more once no case holds. Idempotent."""
    if RegressionCase.objects.of_release(release).filter(holds_promotion=True).exists():
        return
    for one in Requirement.objects.live().filter(release=release, suite=held_slug_of(release)):
        requirements.lift(one, reason="Every case that held is retired.", by=by, address=address)


def cases_holding(revision: Revision) -> RegressionCaseQuerySet:
    """The active cases that hold back the promotion of `revision`: it failed them, or was never asked."""
    passed = RegressionOutcome.objects.filter(case=OuterRef("pk"), commit=revision.commit, has_passed=True)
    cases = RegressionCase.objects.of_release(revision.release).filter(holds_promotion=True)
    return cases.exclude(Exists(passed)).select_related("report")


def record_held(
    revision: Revision, *, facts: Mapping[str, Any], by: User | None, address: str | None
) -> None:
    """Record, signed, how many of the cases that hold `revision` passed; nothing where none holds."""
    held = RegressionCase.objects.of_release(revision.release).filter(holds_promotion=True).count()
    if not held:
        return
    unmet = [case.case_id for case in cases_holding(revision)]
    evaluations.record(
        revision,
        kind=EvaluationKind.RUN,
        suite=held_slug_of(revision.release),
        suite_sha256=sha256(suite_of(revision.release).encode()).hexdigest(),
        metrics={METRIC: (held - len(unmet)) / held},
        samples=held,
        facts={**facts, "not_passed": unmet},
        by=by,
        address=address,
    )
