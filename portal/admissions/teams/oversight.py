"""What staff decides about teams: the seats, who must go, and what a revoked approval takes along."""

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.applications.conditions import locked as locked_application
from portal.admissions.applications.conditions import require_message
from portal.admissions.models import (
    INVITATION_MOVES,
    Application,
    ApplicationStatus,
    InvitationStatus,
    Proposal,
    Team,
    TeamInvitation,
)
from portal.admissions.reviewing.proposals import agree_to_seats, propose_seats
from portal.admissions.teams import letters
from portal.admissions.teams.conditions import locked
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

# What `set_seats` says of a number.
REFUSED_SEATS = frozenset({"too_many_seats", "seats_taken"})


@transaction.atomic
def give_team(
    application: Application, *, name: str, seats: int, by: User, address: str | None = None
) -> Team:
    """Grant seats to an approved applicant, whether or not they asked for a team."""
    if not application.programme.takes_teams and not hasattr(application, "team"):
        raise Refusal("no_teams", f"{application.programme.name} takes single people only.")
    team, _ = Team.objects.get_or_create(application=application, defaults={"name": name})
    _require_approved(team.application)
    return set_seats(team, seats=seats, by=by, address=address)


@transaction.atomic
def set_seats(team: Team, *, seats: int, by: User, address: str | None = None) -> Team:
    """Grant so many seats instead of those before; the lead is told.

    Where the programme wants two reviewers, more seats than before are only proposed until another one grants
    them as well, and the team comes back with those that count. Raises Refusal for one's own team, after
    declaring a conflict, for more than the programme allows, and for fewer than there are members.
    """
    row = _for_seats(team.pk, seats=seats, by=by)
    application = row.application
    if application.programme.needs_second_reviewer:
        # Locked, so that no proposal is left behind by an approval that ends just now.
        application = locked_application(application)
        _require_approved(application)
    agreed = agree_to_seats(application, now=row.seats, seats=seats, by=by, address=address)
    return _set(row, agreed, by=by, address=address)


def _for_seats(team_id: int, *, seats: int, by: User) -> Team:
    row = locked(team_id)
    if row.application.applicant_id == by.pk:
        raise Refusal(
            "own_application", "You cannot grant seats to your own team. Ask another reviewer.", status=403
        )
    _require_no_conflict(row.application, by)
    _require_possible(row, seats)
    return row


def _require_approved(application: Application) -> None:
    if application.status != ApplicationStatus.APPROVED:
        raise Refusal("team_not_approved", "Approve the application first: its team has no access yet.")


def _set(row: Team, seats: int, *, by: User, address: str | None) -> Team:
    if row.seats == seats:
        return row
    facts = {"application": row.application.reference, "from": row.seats, "to": seats}
    row.seats = seats
    row.save(update_fields=["seats"])
    record(Verb.TEAM_SEATS_SET, subject=row, by=by, data=facts, address=address)
    letters.tell_seats(row)
    return row


@transaction.atomic
def expel(membership: TeamInvitation, *, by: User, message: str, address: str | None = None) -> None:
    """End a membership so that no lead of the programme lets the person in again; they are told why."""
    require_message(message, "Tell the member why their access ends.")
    team = locked(membership.team_id)
    row = team.invitations.select_related("accepted_by").get(pk=membership.pk)
    row.team = team
    _require_no_conflict(team.application, by)
    _end(row)
    _record_end(row, by=by, address=address)
    letters.tell_removed(row, message=message.strip())


def hold(application: Application) -> Proposal | None:
    """Lock the application's team before the ledger is locked, for a verb that goes on to `grant_asked`.

    Gives what another reviewer proposed for it, which the decision itself takes away.
    """
    if Team.objects.select_for_update(no_key=True).filter(application=application.pk).first() is None:
        return None
    return Proposal.objects.filter(application=application.pk).first()


def grant_asked(
    application: Application,
    *,
    seats: int | None,
    by: User,
    address: str | None = None,
    proposed: Proposal | None = None,
) -> None:
    """Grant an application that is being approved its seats; None: as many as it asked for, or may have.

    Of two reviewers it gets the smaller number. What the second one grants beyond what the first
    `proposed` waits as a proposal, as in `set_seats`.
    """
    team = Team.objects.filter(application=application.pk).first()
    if team is None:
        return
    asked = min(team.seats_wanted, application.programme.seats_max)
    wanted = asked if seats is None else seats
    row = _for_seats(team.pk, seats=wanted, by=by)
    first = wanted if proposed is None else asked if proposed.seats is None else proposed.seats
    agreed = min(wanted, first)
    if wanted > agreed:
        propose_seats(application, seats=wanted, by=by, address=address)
    _set(row, agreed, by=by, address=address)


def follow_end(application: Application, *, by: User | None, address: str | None = None) -> None:
    """What an approval takes along as it ends: its team's access, and if revoked the part in other teams.

    Its team's members lose their access by the gates themselves, and are told. To be called before the
    ledger is locked, as `team_conditions.locked` has it.
    """
    if application.status == ApplicationStatus.REVOKED:
        _end_elsewhere(application, by=by, address=address)
    members = TeamInvitation.objects.memberships().filter(team__application=application.pk)
    for member in members.select_related("accepted_by", "team__application__programme").order_by("pk"):
        letters.tell_approval_ended(member)


def _end_elsewhere(application: Application, *, by: User | None, address: str | None) -> None:
    elsewhere = TeamInvitation.objects.memberships().filter(
        accepted_by=application.applicant_id, team__application__programme=application.programme_id
    )
    rows = elsewhere.select_related("team__application__programme", "accepted_by").order_by("pk")
    # Locked, so that a lead who removes the same member just now doesn't stop the revocation.
    ended = list(rows.select_for_update(of=("self",), no_key=True))
    for row in ended:
        _end(row)
    for row in ended:
        _record_end(row, by=by, address=address)


def _require_no_conflict(application: Application, by: User) -> None:
    if application.conflicts.filter(by=by).exists():
        raise Refusal(
            "conflict_declared",
            "You declared a conflict of interest, so another reviewer sees to this team.",
            status=403,
        )


def _require_possible(team: Team, seats: int) -> None:
    seats_max = team.application.programme.seats_max
    if seats > seats_max:
        raise Refusal(
            "too_many_seats",
            f"{team.application.programme.name} allows {seats_max} seats a team at most. Grant no more.",
            status=422,
        )
    members = team.invitations.memberships().order_by("-accepted_at", "-pk").values_list("email", flat=True)
    surplus = len(members) - seats
    if surplus > 0:
        last = ", ".join(members[:surplus])
        raise Refusal(
            "seats_taken",
            f"The team has {len(members)} members. Have {surplus} of them removed first; the last to join: "
            f"{last}.",
        )


def _end(row: TeamInvitation) -> None:
    move(
        row,
        InvitationStatus.REMOVED,
        moves=INVITATION_MOVES,
        ended_at=timezone.now(),
        is_barred=True,
    )


def _record_end(row: TeamInvitation, *, by: User | None, address: str | None) -> None:
    application = row.team.application
    facts = {"programme": application.programme.slug, "application": application.reference, "by_staff": True}
    record(Verb.TEAM_MEMBER_REMOVED, subject=row, by=by, data=facts, address=address)
