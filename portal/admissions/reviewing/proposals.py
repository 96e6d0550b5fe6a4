"""Decisions that count once a second reviewer takes the same one."""

from portal.accounts.models import User
from portal.admissions.models import Application, Proposal
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
    takes the place of what was proposed before. `seats` for the team are those of whoever agrees; the history
    tells them what was proposed.
    """
    if not application.programme.needs_second_reviewer:
        return True
    proposed = Proposal.objects.filter(application=application).first()
    if proposed and proposed.by_id != by.pk and (proposed.to, proposed.reason) == (to, reason):
        proposed.delete()
        return True
    kept = {"by": by, "to": to, "reason": reason, "message": message.strip()}
    made, _ = Proposal.objects.update_or_create(application=application, defaults=kept)
    told = f"{made.get_to_display()}. "
    if seats is not None:
        told += f"Seats for the team: {seats}. "
    application.staff_notes.create(
        by=by, verb=Verb.APPLICATION_DECISION_PROPOSED, message=f"{told}{message}".strip()
    )
    facts = {"to": to, "reason": reason} | ({} if seats is None else {"seats": seats})
    record(Verb.APPLICATION_DECISION_PROPOSED, subject=application, by=by, data=facts, address=address)
    return False
