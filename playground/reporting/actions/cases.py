"""Regression cases: making one of a report that was found to be so, and retiring it."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from playground.reporting.actions import holding
from playground.reporting.actions.steps import locked, note
from playground.reporting.models import Category, RegressionCase, Report
from playground.reporting.models.reports import INCIDENT_STATUSES
from playground.reporting.suites import faults_of
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb


@transaction.atomic
def make_case(
    report: Report,
    *,
    by: User,
    messages: Any,
    expectation: dict[str, Any],
    category: str = "",
    holds_promotion: bool = True,
    address: str | None = None,
) -> RegressionCase:
    """Keep what happened as a case that every later revision of the release is held to.

    `expectation` is as `expectations.expectation_of` gives it; `category` "" is the report's. Parameters,
    seed and revision are the report's. Raises Refusal for a report that is not accepted, for one that has a
    case, and for messages that no suite can ask.
    """
    for fault in faults_of(messages, expectation):
        raise Refusal("case_invalid", f"{fault.field.capitalize()} {fault.sentence}", status=422)
    row = locked(report)
    _require_room(row)
    case = RegressionCase.objects.create(
        release=row.release,
        report=row,
        category=category if category in Category.values else row.category,
        seen_on_commit=row.revision_commit,
        messages=messages,
        parameters=row.parameters,
        expectation=expectation,
        holds_promotion=holds_promotion,
        made_by=by,
    )
    row.notes.create(by=by, verb=Verb.REGRESSION_CASE_MADE, is_private=True)
    record(Verb.REGRESSION_CASE_MADE, subject=case, by=by, data=_facts_of(case), address=address)
    if holds_promotion:
        holding.demand(row.release, by=by, address=address)
    return case


@transaction.atomic
def retire_case(case: RegressionCase, *, by: User, address: str | None = None) -> None:
    """Hold no later revision to it any more; what came of it stays. Idempotent."""
    if RegressionCase.objects.active().filter(pk=case.pk).update(retired_at=timezone.now()):
        note(
            case.report,
            Verb.REGRESSION_CASE_RETIRED,
            by=by,
            address=address,
            is_private=True,
            facts={"case": case.case_id},
        )
        holding.lift_demand(case.release, by=by, address=address)


def _require_room(row: Report) -> None:
    """Refuse a report that nobody accepted, and one that has an active case."""
    if row.status not in INCIDENT_STATUSES:
        raise Refusal("report_not_accepted", "Accept the report first; then make a case of it.")
    if RegressionCase.objects.active().filter(report=row).exists():
        raise Refusal(
            "case_there", "This report has a case already. Retire that one before you make another."
        )


def _facts_of(case: RegressionCase) -> dict[str, Any]:
    """What the ledger hears."""
    return {
        "case": case.case_id,
        "release": case.release.slug,
        "commit": case.seen_on_commit,
        "expectation": case.expectation["type"],
        "holds_promotion": case.holds_promotion,
    }
