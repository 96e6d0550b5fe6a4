"""Pausing a release for a report, and ending the pause: the doors themselves are the safety gate's."""

from django.db import transaction

from playground.reporting.actions.steps import locked, note
from playground.reporting.models import Report
from portal.accounts.models import User
from portal.ledger.verbs import Verb
from portal.releases.safety import pausing


@transaction.atomic
def pause_release(report: Report, *, reason: str, by: User, address: str | None = None) -> Report:
    """Shut every door of the release of `report`; `reason` is read by whom it shuts out.

    Raises Refusal without a reason, and for a release that is paused or withdrawn already.
    """
    row = locked(report)
    pausing.pause(row.release, reason=reason, by=by, address=address)
    _note(row, Verb.REPORT_RELEASE_PAUSED, by=by, address=address, message=reason.strip())
    return row


@transaction.atomic
def resume_release(report: Report, *, by: User, address: str | None = None) -> Report:
    """Open the doors again as far as the other gates allow. Raises Refusal where it is not paused."""
    row = locked(report)
    pausing.resume(row.release, by=by, address=address)
    _note(row, Verb.REPORT_RELEASE_RESUMED, by=by, address=address)
    return row


def _note(row: Report, verb: Verb, *, by: User, address: str | None, message: str = "") -> None:
    note(row, verb, by=by, address=address, message=message, is_private=True)
