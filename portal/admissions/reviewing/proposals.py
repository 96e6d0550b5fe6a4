"""Decisions that count once a second reviewer takes the same one."""

from portal.accounts.models import User
from portal.admissions.models import Application, ApplicationStatus, Proposal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb


def agree_or_propose(
    application: Application,
    to: str,
    *,
    by: User,
    reason: str,
    message: str,
    seats: int | None,
    address: str | None,
) -> bool:
    """Whether a decision of `by` counts now; else it is kept as the proposal to which another may agree.

    For a locked application, in the caller's transaction. Another decision, or another reason for a decline,
    takes the place of what was proposed before. `seats` for the team do not have to be the same: see
    `team_oversight.grant_asked`.
    """
    if not application.programme.needs_second_reviewer:
        return True
    proposed = Proposal.objects.filter(application=application).first()
    if proposed and proposed.by_id != by.pk and (proposed.to, proposed.reason) == (to, reason):
        proposed.delete()
        return True
    _propose(application, to, by=by, reason=reason, message=message, seats=seats, address=address)
    return False


def agree_to_seats(
    application: Application, *, now: int, seats: int, by: User, address: str | None = None
) -> int:
    """How many of `seats` for its team count already, if it has `now`; another reviewer must agree to more.

    For a locked approved application, in the caller's transaction. Two who want different numbers agree to
    the smaller one; what whoever comes last wants beyond it is kept as their proposal.
    """
    if not application.programme.needs_second_reviewer:
        return seats
    proposed = Proposal.objects.filter(application=application).first()
    agreed = min(seats, now)
    if proposed and proposed.by_id != by.pk:
        agreed = min(seats, max(now, proposed.seats or 0))
    if seats > agreed:
        propose_seats(application, seats=seats, by=by, address=address)
    elif proposed:
        proposed.delete()
    return agreed


def propose_seats(application: Application, *, seats: int, by: User, address: str | None = None) -> None:
    """Keep how many seats `by` wants for the team of a locked approved application."""
    _propose(application, ApplicationStatus.APPROVED, by=by, seats=seats, address=address)


def _propose(
    application: Application,
    to: str,
    *,
    by: User,
    seats: int | None,
    reason: str = "",
    message: str = "",
    address: str | None,
) -> None:
    kept = {"by": by, "to": to, "reason": reason, "message": message.strip(), "seats": seats}
    made, _ = Proposal.objects.update_or_create(application=application, defaults=kept)
    told = f"{made.get_to_display()}. "
    if seats is not None:
        told += f"Seats for the team: {seats}. "
    application.staff_notes.create(
        by=by, verb=Verb.APPLICATION_DECISION_PROPOSED, message=f"{told}{message}".strip()
    )
    facts = {"to": to, "reason": reason} | ({} if seats is None else {"seats": seats})
    record(Verb.APPLICATION_DECISION_PROPOSED, subject=application, by=by, data=facts, address=address)
