"""The one way in which an application changes its state, and what every decision looks after on it."""

from typing import Any

from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.applications import letters
from portal.admissions.applications.conditions import locked_for_review, require_room
from portal.admissions.models import (
    APPLICATION_MOVES,
    Application,
    Proposal,
    Rule,
    facts_shown,
)
from portal.admissions.models import ApplicationStatus as Status
from portal.admissions.reviewing.proposals import agree_or_propose
from portal.admissions.teams import oversight as team_oversight
from portal.common.transitions import IllegalMove, move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

DECISIONS = {
    Status.APPROVED: Verb.APPLICATION_APPROVED,
    Status.WAITLISTED: Verb.APPLICATION_WAITLISTED,
    Status.DECLINED: Verb.APPLICATION_DECLINED,
    Status.REVOKED: Verb.APPLICATION_REVOKED,
}


def decide(
    application: Application,
    to: Status,
    *,
    by: User,
    message: str,
    seen: int | None,
    address: str | None,
    is_agreed: bool = False,
    seats: int | None = None,
    **changes: Any,
) -> Application:
    """A reviewer's decision: impartial, in turn, with room, agreed to where the programme wants two.

    Comes back in review where it is only proposed. Raises Refusal, LostRace and IllegalMove.
    """
    waiting = locked_for_review(application, by=by, seen=seen)
    refuse_declined(waiting)
    if to == Status.APPROVED and waiting.may_become(to):
        require_room(waiting.programme)
    # So that a refusal names the state that the reviewer saw.
    reviewed = take_into_review(waiting, by=by, address=address) if waiting.may_become(to) else waiting
    reason = str(changes.get("decline_reason", ""))
    if not is_agreed and reviewed.may_become(to):
        counts = agree_or_propose(
            reviewed, to, by=by, reason=reason, message=message, seats=seats, address=address
        )
        if not counts:
            return reviewed
    now = timezone.now()
    decided: dict[str, Any] = {
        "decided_at": now,
        "decided_by": by,
        "first_decided_at": reviewed.first_decided_at or now,
        **facts_shown(reviewed),
        "unread_at": None,
        # A claim has served its purpose; an assignment says whose developer it is.
        **({"assignee": None, "claimed_until": None} if reviewed.claimed_until else {}),
    }
    return step(
        reviewed, to, verb=DECISIONS[to], by=by, message=message, address=address, **decided, **changes
    )


def refuse_declined(application: Application) -> None:
    """Only its applicant's appeal brings a declined one back into review."""
    if application.status == Status.DECLINED:
        raise IllegalMove(
            "application_declined", "This application is declined. Only its applicant can appeal."
        )


def take_into_review(
    application: Application, *, by: User | None, address: str | None, rule: Rule | None = None
) -> Application:
    """Take a locked application into review if it waits for that; a step with an entry of its own."""
    if application.status not in {Status.SUBMITTED, Status.INFORMATION_REQUESTED}:
        return application
    return step(
        application,
        Status.IN_REVIEW,
        verb=Verb.APPLICATION_REVIEW_STARTED,
        by=by,
        address=address,
        rule=rule,
        is_on_the_way=True,
    )


def step(
    application: Application,
    to: Status,
    *,
    verb: Verb,
    by: User | None,
    message: str = "",
    address: str | None = None,
    rule: Rule | None = None,
    is_on_the_way: bool = False,
    **changes: Any,
) -> Application:
    """Move a locked application and leave its line in the timeline, its ledger entry and its mail.

    `by` is None where the portal acts by `rule`, which the timeline and the ledger name. A step on the way
    to another sends no mail of its own.
    """
    left = move(application, to, moves=APPLICATION_MOVES, **changes)
    named = rule.name if rule else ""
    application.notes.create(by=by, status=to, verb=verb, message=message.strip(), rule=named)
    if application.programme.needs_second_reviewer:
        # What was proposed for the state that it left.
        Proposal.objects.filter(application=application).delete()
    if left == Status.APPROVED:
        team_oversight.follow_end(application, by=by, address=address)
    facts = {"programme": application.programme.slug, "from": left, "to": to}
    facts |= rule.named() if rule else {}
    if to == Status.DECLINED:
        facts["reason"] = application.decline_reason
    record(verb, subject=application, by=by, data=facts, address=address)
    if not is_on_the_way:
        letters.tell(application, verb=verb, message=message.strip())
    return application
