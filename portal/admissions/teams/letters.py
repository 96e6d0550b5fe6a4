"""The mails about teams: to the invited, the members and the lead."""

from typing import Any

from portal.admissions.models import Team, TeamInvitation
from portal.common import mail


def invite(invitation: TeamInvitation, *, token: str) -> None:
    """The link with which the address joins; the token stands nowhere else."""
    team = invitation.team
    _send(
        "team_invited",
        to=invitation.email,
        subject=f"{team.lead.name} invites you to the team of {team.name}",
        team=team,
        expires_at=invitation.expires_at,
        path=f"/join/{token}/",
    )


def tell_seats(team: Team) -> None:
    """The lead learns how many people they may invite."""
    _send(
        "team_seats",
        to=team.lead.email,
        subject=f"Your team has {team.seats} seat{'' if team.seats == 1 else 's'}",
        team=team,
        path=team.get_absolute_url(),
    )


def tell_removed(membership: TeamInvitation, *, message: str = "") -> None:
    """A member learns that their membership has ended, from staff with the reason."""
    _tell_member("team_member_removed", membership, "You are no longer in the team of {}", message=message)


def tell_approval_ended(membership: TeamInvitation) -> None:
    """A member learns that the approval on which their access rests has ended."""
    _tell_member("team_approval_ended", membership, "The access of the team of {} has ended")


def tell_left(membership: TeamInvitation) -> None:
    """The lead learns that a seat is free."""
    team = membership.team
    _send(
        "team_member_left",
        to=team.lead.email,
        subject=f"{membership.email} has left your team",
        team=team,
        email=membership.email,
        path=team.get_absolute_url(),
    )


def _tell_member(template: str, membership: TeamInvitation, subject: str, **more: Any) -> None:
    member, team = membership.accepted_by, membership.team
    if member is None:
        return
    path = team.application.programme.get_absolute_url()
    _send(
        template,
        to=member.email,
        subject=subject.format(team.name),
        team=team,
        person=member,
        path=path,
        **more,
    )


def _send(template: str, *, to: str, subject: str, team: Team, **more: Any) -> None:
    context = {"team": team, "lead": team.lead, "programme": team.application.programme, **more}
    # Names are other people's words, and a subject is one line.
    mail.send(template, to=to, subject=" ".join(subject.split()), context=context)
