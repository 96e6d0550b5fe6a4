"""What a lead and the members do with a team: one verb, one transaction, one ledger entry."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.applications.conditions import locked as locked_application
from portal.admissions.applications.conditions import require_own
from portal.admissions.models import (
    INVITATION_MOVES,
    Application,
    InvitationStatus,
    Team,
    TeamInvitation,
)
from portal.admissions.teams import letters
from portal.admissions.teams.conditions import (
    locked,
    require_address,
    require_invitable,
    require_lead,
    require_not_shut_out,
    require_open,
    require_pause,
    require_seats,
)
from portal.admissions.teams.secret_links import hash_of, new_token
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

_I = InvitationStatus


@transaction.atomic
def ask_for(
    application: Application, *, name: str, seats_wanted: int, by: User, address: str | None = None
) -> Team:
    """Ask for a team with an application; its reviewer grants the seats."""
    row = locked_application(application)
    require_own(row, by)
    programme = row.programme
    if not programme.takes_teams:
        raise Refusal("no_teams", f"{programme.name} takes single people only: leave the team out.")
    team = Team.objects.create(application=row, name=name, seats_wanted=seats_wanted)
    facts = {"programme": programme.slug, "application": row.reference, "seats_wanted": seats_wanted}
    record(Verb.TEAM_ASKED_FOR, subject=team, by=by, data=facts, address=address)
    return team


@transaction.atomic
def invite_all(
    team: Team,
    *,
    emails: Sequence[str],
    by: User,
    at: datetime | None = None,
    address: str | None = None,
) -> list[TeamInvitation]:
    """Invite every address or none of them; `emails` are told apart by more than their case."""
    moment = at or timezone.now()
    led = locked(team.pk)
    require_lead(led, by)
    wanted = [email.lower() for email in emails]
    for email in wanted:
        require_invitable(led, email, at=moment)
    require_seats(led, wanted=len(wanted), at=moment)
    return [invite(led, email=email, by=by, at=moment, address=address) for email in wanted]


@transaction.atomic
def invite(
    team: Team, *, email: str, by: User, at: datetime | None = None, address: str | None = None
) -> TeamInvitation:
    """Mail an address an invitation, which keeps a seat until it expires.

    Raises Refusal for anybody but the approved lead, a full team, and an address that is in it.
    """
    moment = at or timezone.now()
    led = locked(team.pk)
    require_lead(led, by)
    expired = require_invitable(led, email.lower(), at=moment)
    require_seats(led, wanted=1, at=moment)
    if expired is not None:
        return _send_again(led, expired, by=by, at=moment, address=address)
    token = new_token()
    made = TeamInvitation.objects.create(
        team=led,
        email=email.lower(),
        token_hash=hash_of(token),
        sent_at=moment,
        expires_at=_expiry(moment),
    )
    record(Verb.TEAM_MEMBER_INVITED, subject=made, by=by, data=_facts(led), address=address)
    letters.invite(made, token=token)
    return made


@transaction.atomic
def send_again(
    invitation: TeamInvitation, *, by: User, at: datetime | None = None, address: str | None = None
) -> TeamInvitation:
    """Mail a new link, good for as long as a first one; the old link ends.

    Raises Refusal as `invite` does, and soon after the last mail.
    """
    moment = at or timezone.now()
    led = locked(invitation.team_id)
    require_lead(led, by)
    row = led.invitations.get(pk=invitation.pk)
    require_pause(row, at=moment)
    if row.expires_at <= moment:
        require_seats(led, wanted=1, at=moment)
    return _send_again(led, row, by=by, at=moment, address=address)


@transaction.atomic
def revoke_invitation(invitation: TeamInvitation, *, by: User, address: str | None = None) -> TeamInvitation:
    """Take an open invitation back, whereupon its seat is free. Raises IllegalMove once it was answered."""
    led = locked(invitation.team_id)
    require_lead(led, by)
    row = led.invitations.get(pk=invitation.pk)
    move(row, _I.REVOKED, moves=INVITATION_MOVES, ended_at=timezone.now())
    record(Verb.TEAM_INVITATION_REVOKED, subject=row, by=by, data=_facts(led), address=address)
    return row


@transaction.atomic
def accept(
    invitation: TeamInvitation, *, by: User, at: datetime | None = None, address: str | None = None
) -> TeamInvitation:
    """Become a member; what the lead's approval opens is open from the commit on, but for the licence.

    Raises Refusal for an invitation that is no longer open, another's address, a full team, and
    somebody whose own access staff has ended.
    """
    moment = at or timezone.now()
    team = locked(invitation.team_id)
    row = team.invitations.get(pk=invitation.pk)
    row.team = team
    require_open(row, at=moment)
    require_address(row.email, by)
    if team.application.applicant_id == by.pk:
        raise Refusal("own_team", "You lead this team and need no seat in it.")
    require_not_shut_out(team.application.programme, by)
    if team.invitations.memberships().filter(accepted_by=by).exists():
        raise Refusal("member_already", "You are a member of this team already.", remedy="/teams/")
    if team.invitations.memberships().count() >= team.seats:
        # Seats may be lowered while invitations are open.
        raise Refusal(
            "no_seat_left", f"All seats of this team are taken. Ask {team.lead.name} to ask us for more."
        )
    move(row, _I.ACCEPTED, moves=INVITATION_MOVES, accepted_by=by, accepted_at=moment)
    record(Verb.TEAM_MEMBER_JOINED, subject=row, by=by, data=_facts(team), address=address)
    return row


@transaction.atomic
def remove(membership: TeamInvitation, *, by: User, address: str | None = None) -> TeamInvitation:
    """The lead ends a membership; every door asks anew, so it is shut from the commit on."""
    team = locked(membership.team_id)
    require_lead(team, by)
    row = team.invitations.select_related("accepted_by").get(pk=membership.pk)
    row.team = team
    move(row, _I.REMOVED, moves=INVITATION_MOVES, ended_at=timezone.now())
    record(Verb.TEAM_MEMBER_REMOVED, subject=row, by=by, data=_facts(team), address=address)
    letters.tell_removed(row)
    return row


@transaction.atomic
def leave(membership: TeamInvitation, *, by: User, address: str | None = None) -> TeamInvitation:
    """A member ends their own membership; the lead is told."""
    team = locked(membership.team_id)
    row = team.invitations.get(pk=membership.pk)
    row.team = team
    if row.accepted_by_id != by.pk:
        raise Refusal("not_yours", "This is somebody else's membership.", status=404)
    move(row, _I.LEFT, moves=INVITATION_MOVES, ended_at=timezone.now())
    record(Verb.TEAM_MEMBER_LEFT, subject=row, by=by, data=_facts(team), address=address)
    letters.tell_left(row)
    return row


def _send_again(
    team: Team, row: TeamInvitation, *, by: User, at: datetime, address: str | None
) -> TeamInvitation:
    token = new_token()
    move(
        row,
        _I.INVITED,
        moves=INVITATION_MOVES,
        token_hash=hash_of(token),
        sent_at=at,
        expires_at=_expiry(at),
    )
    row.team = team
    record(Verb.TEAM_INVITATION_SENT_AGAIN, subject=row, by=by, data=_facts(team), address=address)
    letters.invite(row, token=token)
    return row


def _expiry(at: datetime) -> datetime:
    return at + timedelta(days=settings.TEAM_INVITATION_DAYS)


def _facts(team: Team) -> dict[str, str]:
    return {"programme": team.application.programme.slug, "application": team.application.reference}
