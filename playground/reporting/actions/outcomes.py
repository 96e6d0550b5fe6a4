"""What became of regression cases on a revision: written down, told to reporters, and what holds it back."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from playground.reporting.actions.triaging import mark_fixed
from playground.reporting.models import (
    RegressionCase,
    RegressionCaseQuerySet,
    RegressionOutcome,
    ReportStatus,
)
from portal.accounts.models import User
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Revision


@transaction.atomic
def take_outcomes(
    revision: Revision, results: Mapping[str, bool], *, by: User | None = None, address: str | None = None
) -> list[RegressionCase]:
    """Write down which cases (by their ids in the suite) `revision` passed, and which it did not.

    The reporters of those that a later revision passes are told, once. Returns the failed cases that hold
    back its promotion. Ids of no active case of the release are passed over, as are answers that nobody
    has graded, which are not in `results`.
    """
    cases = RegressionCase.objects.of_release(revision.release).select_related("report", "release")
    asked = [case for case in cases if case.case_id in results]
    failed = [case for case in asked if not results[case.case_id]]
    now = timezone.now()
    for case in asked:
        RegressionOutcome.objects.update_or_create(
            case=case,
            commit=revision.commit,
            defaults={"has_passed": results[case.case_id], "at": now},
        )
        report = case.report
        is_to_mark = results[case.case_id] and report.status == ReportStatus.ACCEPTED
        if is_to_mark and _is_later(revision, case):
            mark_fixed(report, revision=revision, by=by, address=address)
    if asked:
        facts = {
            "commit": revision.commit,
            "release": revision.release.slug,
            "asked": len(asked),
            "failed": [case.case_id for case in failed],
        }
        record(Verb.REGRESSION_SUITE_RAN, subject=revision, by=by, data=facts, address=address)
    return [case for case in failed if case.holds_promotion]


def holding(revision: Revision) -> RegressionCaseQuerySet:
    """The active cases that hold back the promotion of `revision`: it failed them, or was never asked."""
    passed = RegressionOutcome.objects.filter(case=OuterRef("pk"), commit=revision.commit, has_passed=True)
    cases = RegressionCase.objects.of_release(revision.release).filter(holds_promotion=True)
    return cases.exclude(Exists(passed)).select_related("report")


def _is_later(revision: Revision, case: RegressionCase) -> bool:
    """Whether a revision came after what was seen: after the revision that did it, or else the report."""
    if revision.commit == case.seen_on_commit:
        return False
    seen = Revision.objects.filter(release=case.release_id, commit=case.seen_on_commit or None).first()
    return revision.frozen_at > (seen.frozen_at if seen else case.report.reported_at)
