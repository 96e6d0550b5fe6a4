"""What must hold before a verb may act on a team; each rule refuses with its next step."""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.models import (
    Application,
    ApplicationStatus,
    InvitationStatus,
    Programme,
    Team,
    TeamInvitation,
)
from portal.admissions.teams.secret_links import verified_addresses
from portal.common.refusals import Refusal


def locked(team_id: int) -> Team:
    """The team with its application, its row locked until the transaction ends. One query.

    Whoever invites, joins, leaves or changes the seats queues here, so that seats are counted right.
    The ledger's lock comes after this one in every transaction, else two of them could wait for each other.
    """
    rows = Team.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("application__programme", "application__applicant").get(pk=team_id)


def require_lead(team: Team, by: User) -> None:
    """Only the lead runs a team, and only while they are approved."""
    if team.application.applicant_id != by.pk:
        raise Refusal("not_yours", "This team is led by somebody else.", status=404)
    if not team.is_approved:
        raise Refusal(
            "team_not_approved",
            "Your approval has ended, and with it your team's access. You can invite nobody.",
            remedy=team.application.get_absolute_url(),
        )


def require_seats(team: Team, *, wanted: int, at: datetime) -> None:
    """So many seats are neither taken nor kept for somebody who is invited. One query."""
    free = team.seats - team.invitations.holding_a_seat(at=at).count()
    if wanted <= free:
        return
    left = {0: "No seat is", 1: "One seat is"}.get(max(free, 0), f"{free} seats are")
    raise Refusal(
        "no_seat_left",
        f"{left} left, and this takes {wanted}. Revoke an invitation or remove a member first, or ask us "
        "for more seats.",
    )


def require_invitable(team: Team, email: str, *, at: datetime) -> TeamInvitation | None:
    """The address is nobody's who is in; an expired invitation of theirs is given back. One query."""
    if email == team.lead.email.lower():
        raise Refusal("own_address", "You lead this team and need no seat: leave your own address out.")
    found = team.invitations.filter(email=email).order_by("-pk").first()
    if found is None:
        return None
    if found.status == InvitationStatus.ACCEPTED:
        raise Refusal("member_already", f"{email} is a member already: leave that address out.")
    if found.is_barred:
        raise Refusal(
            "member_barred", f"{email} was removed by the organisation, which alone can let them in again."
        )
    if found.status == InvitationStatus.REVOKED:
        require_pause(found, at=at)
    if found.status != InvitationStatus.INVITED:
        return None
    if found.expires_at > at:
        raise Refusal(
            "invited_already",
            f"{email} is invited already: leave that address out, or send the invitation again below.",
        )
    return found


def require_pause(invitation: TeamInvitation, *, at: datetime) -> None:
    """The same mail is not sent again and again."""
    again_at = invitation.sent_at + timedelta(seconds=settings.TEAM_INVITATION_PAUSE_SECONDS)
    if again_at > at:
        sent = timezone.localtime(invitation.sent_at)
        raise Refusal(
            "sent_just_now",
            f"We wrote to {invitation.email} at {sent:%H:%M} {sent.tzname()}. Give it some minutes, and have "
            "them look among the unwanted mail, before you send it again.",
            status=429,
        )


def require_open(invitation: TeamInvitation, *, at: datetime) -> None:
    """An invitation is accepted once, in time, and while its team is approved."""
    lead = invitation.team.lead.name
    if invitation.status != InvitationStatus.INVITED:
        raise Refusal(
            f"invitation_{invitation.status}",
            f"This invitation is no longer open. Ask {lead} for another one.",
            status=410,
        )
    if not invitation.team.is_approved:
        raise Refusal(
            "team_not_approved",
            f"The team of {lead} has no access any more. You can apply yourself.",
            status=410,
            remedy=invitation.team.application.programme.get_absolute_url(),
        )
    if invitation.expires_at <= at:
        raise Refusal(
            "invitation_expired",
            f"This invitation has expired. Ask {lead} to send it again: that takes one click.",
            status=410,
        )


def require_address(email: str, by: User) -> None:
    """Who holds a link proves that it was sent to them. Two queries."""
    if not by.is_active or not by.has_verified_email():
        raise Refusal(
            "email_verified",
            "Verify your e-mail address first: follow the link that we sent you, or ask for a new one. "
            "Then open the link of the invitation again.",
            status=403,
            remedy="/accounts/email/",
        )
    if email not in verified_addresses(by):
        raise Refusal(
            "other_address",
            f"This invitation is for {email}, and you are signed in as {by.email}. Sign in with an account "
            "of that address, or add and verify it on yours.",
            status=403,
            remedy="/accounts/email/",
        )


def require_not_shut_out(programme: Programme, by: User) -> None:
    """Whoever lost their access by a decision of the staff's doesn't come in again by a team. Two queries.

    Their own application stays locked, so that they don't join while it is being revoked.
    """
    mine = Application.objects.visible_to(by).filter(programme=programme).newest_first()
    own = mine.select_for_update(of=("self",), no_key=True).first()
    if own is not None and own.status == ApplicationStatus.APPROVED:
        return
    barred = TeamInvitation.objects.filter(
        accepted_by=by, is_barred=True, team__application__programme=programme
    )
    if (own is not None and own.status == ApplicationStatus.REVOKED) or barred.exists():
        raise Refusal(
            "shut_out",
            f"The organisation ended your access to {programme.name}, so no team can let you in. Apply "
            "yourself: a reviewer decides.",
            status=403,
            remedy=programme.get_absolute_url(),
        )
