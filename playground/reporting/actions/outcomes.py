"""What became of regression cases on a revision: written down, told to reporters, and to the safety gate."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from playground.reporting.actions.holding import record_held
from playground.reporting.actions.triaging import mark_fixed
from playground.reporting.models import RegressionCase, RegressionOutcome, ReportStatus
from portal.accounts.models import User
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Revision


@transaction.atomic
def take_outcomes(
    revision: Revision,
    results: Mapping[str, bool],
    *,
    facts: Mapping[str, Any] | None = None,
    by: User | None = None,
    address: str | None = None,
) -> list[RegressionCase]:
    """Write down which cases (by their ids in the suite) `revision` passed, and which it did not.

    The reporters of those that a later revision passes are told, once; the safety gate hears how many of
    the cases that hold are passed. Returns the failed ones among these. Ids of no active case of the release
    are passed over; answers that nobody has graded yet are not in `results`. `facts` is what a reader needs
    to repeat it: the run, sampling parameters, versions.
    """
    cases = RegressionCase.objects.of_release(revision.release).select_related("report", "release")
    asked = [case for case in cases if case.case_id in results]
    if not asked:
        return []
    for case in asked:
        _take(case, revision, has_passed=results[case.case_id], by=by, address=address)
    failed = [case for case in asked if not results[case.case_id]]
    told = {
        "commit": revision.commit,
        "release": revision.release.slug,
        "asked": len(asked),
        "failed": [case.case_id for case in failed],
    }
    record(Verb.REGRESSION_SUITE_RAN, subject=revision, by=by, data=told, address=address)
    record_held(revision, facts=facts or {}, by=by, address=address)
    return [case for case in failed if case.holds_promotion]


def _take(
    case: RegressionCase, revision: Revision, *, has_passed: bool, by: User | None, address: str | None
) -> None:
    RegressionOutcome.objects.update_or_create(
        case=case, commit=revision.commit, defaults={"has_passed": has_passed, "at": timezone.now()}
    )
    is_to_mark = has_passed and case.report.status == ReportStatus.ACCEPTED
    if is_to_mark and _is_later(revision, case):
        mark_fixed(case.report, revision=revision, by=by, address=address)


def _is_later(revision: Revision, case: RegressionCase) -> bool:
    """Whether a revision came after what was seen: after the revision that did it, or else the report."""
    if revision.commit == case.seen_on_commit:
        return False
    seen = Revision.objects.filter(release=case.release_id, commit=case.seen_on_commit).first()
    return revision.frozen_at > (seen.frozen_at if seen else case.report.reported_at)
