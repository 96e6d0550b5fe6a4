"""Invitations of the staff's: an address is approved beforehand, and whoever proves to hold it is let in."""

from collections.abc import Sequence
from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import may_review
from portal.admissions import actions
from portal.admissions.invitations import letters
from portal.admissions.models import (
    PRE_APPROVAL_MOVES,
    Application,
    ApplicationStatus,
    PreApproval,
    PreApprovalStatus,
    Programme,
)
from portal.admissions.teams.conditions import require_address
from portal.admissions.teams.secret_links import hash_of, new_token, verified_addresses
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

WORDS = "You were invited by the organisation, so that your application needed no review."


@transaction.atomic
def pre_approve_all(
    programme: Programme,
    *,
    emails: Sequence[str],
    note: str,
    expires_at: datetime,
    by: User,
    address: str | None = None,
) -> list[PreApproval]:
    """Invite every address or none of them; `emails` are told apart by more than their case."""
    return [
        pre_approve(programme, email=email, note=note, expires_at=expires_at, by=by, address=address)
        for email in emails
    ]


@transaction.atomic
def pre_approve(
    programme: Programme,
    *,
    email: str,
    note: str,
    expires_at: datetime,
    by: User,
    address: str | None = None,
) -> PreApproval:
    """Approve whoever proves to hold an address, and mail it a link.

    Raises Refusal for one's own address, one that is approved, and one that is invited already.
    """
    wanted = email.lower()
    own = {wanted} & {by.email.lower(), *_addresses(by)}
    if own:
        raise Refusal(
            "own_address", f"{wanted} is your own address. Ask another reviewer to invite you.", status=403
        )
    holders = EmailAddress.objects.filter(email__iexact=wanted, verified=True).values("user")
    approved = Application.objects.filter(
        programme=programme, applicant__in=holders, status=ApplicationStatus.APPROVED
    )
    if approved.exists():
        raise Refusal("approved_already", f"{wanted} is approved already: leave that address out.")
    _make_room(programme, wanted)
    token = new_token()
    made = PreApproval.objects.create(
        programme=programme,
        email=wanted,
        note=note,
        token_hash=hash_of(token),
        made_by=by,
        expires_at=expires_at,
    )
    facts = {"programme": programme.slug, "email": wanted, "note": note, "expires_at": expires_at}
    record(Verb.PRE_APPROVAL_MADE, subject=made, by=by, data=facts, address=address)
    letters.invite(made, token=token)
    return made


@transaction.atomic
def revoke_pre_approval(pre_approval: PreApproval, *, by: User, address: str | None = None) -> PreApproval:
    """Take an invitation back. Raises IllegalMove when it was used: then revoke the approval."""
    row = _locked(pre_approval)
    move(row, PreApprovalStatus.REVOKED, moves=PRE_APPROVAL_MOVES)
    facts = {"programme": row.programme.slug, "email": row.email}
    record(Verb.PRE_APPROVAL_REVOKED, subject=row, by=by, data=facts, address=address)
    return row


@transaction.atomic
def use(
    pre_approval: PreApproval, *, by: User, at: datetime | None = None, address: str | None = None
) -> Application:
    """The holder of the address is approved in the name of the member of staff who invited them.

    Raises Refusal for an invitation that is no longer open, another's address, a member of staff who
    may no longer approve, and a decision against the person that came after the invitation.
    """
    row = _locked(pre_approval)
    require_open(row, at=at or timezone.now())
    require_address(row.email, by)
    require_maker(row.made_by)
    if Application.objects.filter(
        programme=row.programme, applicant=by, status=ApplicationStatus.APPROVED
    ).exists():
        raise Refusal("approved_already", "You are approved already.", remedy="/dashboard/")
    _require_undecided_since(row, by)
    approved = actions.grant(row.programme, by, by=row.made_by, message=WORDS)
    move(row, PreApprovalStatus.USED, moves=PRE_APPROVAL_MOVES, application=approved)
    facts = {
        "programme": row.programme.slug,
        "application": approved.reference,
        "invitation": row.pk,
        "made_by": str(row.made_by),
    }
    record(Verb.PRE_APPROVAL_USED, subject=row, by=by, data=facts, address=address)
    return approved


def require_open(row: PreApproval, *, at: datetime) -> None:
    """An invitation is used once, and in time."""
    if row.status == PreApprovalStatus.USED:
        raise Refusal("invitation_used", "This invitation was used before.", status=410, remedy="/dashboard/")
    if row.status != PreApprovalStatus.SENT or row.expires_at <= at:
        raise Refusal(
            "invitation_over",
            f"This invitation to {row.programme.name} is no longer good. You can apply all the same.",
            status=410,
            remedy=row.programme.get_absolute_url(),
        )


def require_maker(made_by: User) -> None:
    """Whoever approved beforehand may still approve."""
    if not may_review(made_by):
        raise Refusal(
            "maker_gone",
            "Whoever invited you can approve nobody any more. Apply as everybody does: a reviewer decides.",
            status=410,
        )


def shut_out_at(programme: Programme, by: User) -> datetime | None:
    """When a reviewer last decided against the person; None if nobody did. One query."""
    against = (ApplicationStatus.DECLINED, ApplicationStatus.REVOKED)
    rows = Application.objects.filter(programme=programme, applicant=by, status__in=against)
    return rows.order_by("-decided_at").values_list("decided_at", flat=True).first()


def usable_by(programme: Programme, user: User) -> PreApproval | None:
    """The invitation to `programme` of an address that `user` holds, its row locked. Two queries."""
    rows = PreApproval.objects.usable().filter(programme=programme, email__in=verified_addresses(user))
    return rows.select_for_update(of=("self",), no_key=True).order_by("pk").first()


def _require_undecided_since(row: PreApproval, by: User) -> None:
    decided_at = shut_out_at(row.programme, by)
    if decided_at is not None and decided_at > row.made_at:
        raise Refusal(
            "decided_since",
            "A reviewer has decided on an application of yours since you were invited, and that counts.",
            status=410,
            remedy=row.programme.get_absolute_url(),
        )


def _make_room(programme: Programme, email: str) -> None:
    """One open invitation an address: one that has expired makes room for a new one."""
    rows = PreApproval.objects.select_for_update(no_key=True).filter(
        programme=programme, email=email, status=PreApprovalStatus.SENT
    )
    if (found := rows.first()) is None:
        return
    if found.state != "expired":
        raise Refusal(
            "invited_already",
            f"{email} is invited until {timezone.localtime(found.expires_at):%-d %B %Y}: leave that address "
            "out, or revoke the invitation first.",
        )
    move(found, PreApprovalStatus.REVOKED, moves=PRE_APPROVAL_MOVES)


def _addresses(user: User) -> set[str]:
    rows = EmailAddress.objects.filter(user=user).values_list("email", flat=True)
    return {email.lower() for email in rows}


def _locked(pre_approval: PreApproval) -> PreApproval:
    rows = PreApproval.objects.select_for_update(of=("self",), no_key=True).select_related(
        "programme", "made_by"
    )
    return rows.get(pk=pre_approval.pk)
