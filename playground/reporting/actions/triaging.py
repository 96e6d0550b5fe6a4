"""What staff decide on a report: its state, who has it, how bad it is, and where it is fixed."""

from django.db import transaction

from playground.reporting import letters
from playground.reporting.actions.steps import locked, note, step, take_up
from playground.reporting.models import Report, ReportStatus, Severity
from playground.reporting.reasons import DismissReason
from portal.accounts.models import User
from portal.accounts.roles import TRIAGE, holders_of
from portal.common.refusals import Refusal
from portal.ledger.verbs import Verb
from portal.releases.models import Revision

_S = ReportStatus


@transaction.atomic
def begin_triage(report: Report, *, by: User, address: str | None = None) -> Report:
    """Look into a new report; whoever does has it, unless somebody has it already."""
    row = locked(report)
    assignee = row.assignee or by
    verb = Verb.REPORT_TRIAGE_STARTED
    step(row, _S.TRIAGING, verb, by=by, address=address, assignee=assignee)
    return row


@transaction.atomic
def accept(report: Report, *, by: User, message: str = "", address: str | None = None) -> Report:
    """Find that it is so; a new one is taken up on the way."""
    row = locked(report)
    take_up(row, by=by, address=address)
    facts = {"severity": row.severity}
    message = message.strip()
    verb = Verb.REPORT_ACCEPTED
    step(row, _S.ACCEPTED, verb, by=by, address=address, message=message, facts=facts, unread_at=None)
    return row


@transaction.atomic
def dismiss(
    report: Report, *, by: User, reason: str, message: str = "", address: str | None = None
) -> Report:
    """Close it without acting on it; a new one is taken up on the way.

    Raises Refusal for no reason, and for another reason without a message that tells it.
    """
    message = message.strip()
    if reason not in DismissReason.values:
        raise Refusal("no_reason", "Choose why it is dismissed: the reporter is told.", status=422)
    if reason == DismissReason.OTHER and not message:
        raise Refusal("no_message", "Write the reason in the message: the reporter is told.", status=422)
    row = locked(report)
    take_up(row, by=by, address=address)
    step(
        row,
        _S.DISMISSED,
        Verb.REPORT_DISMISSED,
        by=by,
        address=address,
        message=message,
        facts={"reason": reason},
        dismiss_reason=reason,
        unread_at=None,
    )
    return row


@transaction.atomic
def mark_fixed(report: Report, *, revision: Revision, by: User | None, address: str | None = None) -> Report:
    """Say that an accepted report is fixed in `revision`, and tell its reporter, once; `by` None: the portal.

    Idempotent. Raises Refusal for a revision of another release or the one on which it was seen.
    """
    row = locked(report)
    if row.status == _S.FIXED:
        return row
    if revision.release_id != row.release_id:
        raise Refusal(
            "other_release", "This revision is of another release. Choose one of its own.", status=422
        )
    if revision.commit == row.revision_commit:
        raise Refusal(
            "fixed_where_seen", "It was seen on this very revision. Choose the one that mends it.", status=422
        )
    facts = {"commit": revision.commit}
    step(row, _S.FIXED, Verb.REPORT_FIXED, by=by, address=address, facts=facts, fixed_commit=revision.commit)
    return row


@transaction.atomic
def assign(report: Report, *, to: User, by: User, address: str | None = None) -> Report:
    """Give it to `to`, whoever has it now. Raises Refusal for somebody who does not triage."""
    row = locked(report)
    if not holders_of(TRIAGE).filter(pk=to.pk).exists():
        raise Refusal("not_a_triager", f"{to} does not triage reports. Choose somebody who does.", status=422)
    if row.assignee_id == to.pk:
        return row
    _give(row, to)
    message = f"To {to}."
    _note_privately(row, Verb.REPORT_ASSIGNED, by=by, address=address, message=message, to=str(to))
    letters.tell_assignee(row, sentence="A report is assigned to you", by=by)
    return row


@transaction.atomic
def let_go(report: Report, *, by: User, address: str | None = None) -> Report:
    """Give it back to everybody. Idempotent."""
    row = locked(report)
    if row.assignee_id is None:
        return row
    _give(row, None)
    _note_privately(row, Verb.REPORT_ASSIGNED, by=by, address=address, message="To nobody.", to="")
    return row


@transaction.atomic
def rate(report: Report, *, severity: int, by: User, address: str | None = None) -> Report:
    """Say how bad it is, as staff see it. Idempotent. Raises Refusal for what is no severity."""
    if severity not in Severity.values:
        raise Refusal("no_such_severity", "Choose how bad it is from the list.", status=422)
    row = locked(report)
    if row.severity == severity:
        return row
    before, row.severity = row.severity, severity
    row.save(update_fields=["severity"])
    message = f"From {Severity(before).word.lower()} to {Severity(severity).word.lower()}."
    _note_privately(row, Verb.REPORT_RATED, by=by, address=address, message=message, to=severity)
    return row


def _give(row: Report, to: User | None) -> None:
    row.assignee = to
    row.save(update_fields=["assignee"])


def _note_privately(
    row: Report, verb: Verb, *, by: User, address: str | None, message: str, to: object
) -> None:
    note(row, verb, by=by, address=address, message=message, is_private=True, facts={"to": to})
