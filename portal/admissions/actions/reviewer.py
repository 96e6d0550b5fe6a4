"""What reviewers do with applications: one verb, one transaction, one ledger entry."""

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.actions.steps import decide, refuse_declined, step, take_into_review
from portal.admissions.applications.conditions import (
    hold_room,
    locked_for_review,
    require_message,
    require_reason,
)
from portal.admissions.models import (
    Application,
    Programme,
    facts_kept,
)
from portal.admissions.models import ApplicationStatus as Status
from portal.admissions.reasons import DeclineReason
from portal.admissions.teams import oversight as team_oversight
from portal.common.refusals import Refusal
from portal.ledger.verbs import Verb


@transaction.atomic
def begin_review(
    application: Application,
    *,
    by: User,
    message: str = "",
    seen: int | None = None,
    address: str | None = None,
) -> Application:
    """Take it into review, or take an unanswered question back."""
    waiting = locked_for_review(application, by=by, seen=seen)
    refuse_declined(waiting)
    return step(
        waiting,
        Status.IN_REVIEW,
        verb=Verb.APPLICATION_REVIEW_STARTED,
        by=by,
        message=message,
        address=address,
    )


@transaction.atomic
def request_information(
    application: Application, *, by: User, message: str, seen: int | None = None, address: str | None = None
) -> Application:
    """Ask the applicant a question."""
    require_message(message, "Write the question that the applicant should answer.")
    waiting = locked_for_review(application, by=by, seen=seen)
    refuse_declined(waiting)
    reviewed = take_into_review(waiting, by=by, address=address)
    return step(
        reviewed,
        Status.INFORMATION_REQUESTED,
        verb=Verb.APPLICATION_INFORMATION_REQUESTED,
        by=by,
        message=message,
        address=address,
    )


@transaction.atomic
def approve(
    application: Application,
    *,
    by: User,
    message: str = "",
    seen: int | None = None,
    seats: int | None = None,
    address: str | None = None,
    is_agreed: bool = False,
) -> Application:
    """Approve it, whereupon the programme's releases open to the applicant.

    Here and below the application comes back in review where the programme wants a second reviewer to agree;
    `is_agreed` for what was agreed to otherwise, such as a wave. `seats` are granted to the team that was
    asked for, if any; None: as many as were asked for. Of two reviewers it gets what both grant.
    """
    proposed = team_oversight.hold(application)
    approved = decide(
        application,
        Status.APPROVED,
        by=by,
        message=message,
        seen=seen,
        address=address,
        is_agreed=is_agreed,
        seats=seats,
    )
    if approved.status == Status.APPROVED:
        team_oversight.grant_asked(
            approved, seats=seats, by=by, address=address, proposed=None if is_agreed else proposed
        )
    return approved


@transaction.atomic
def waitlist(
    application: Application,
    *,
    by: User,
    message: str = "",
    seen: int | None = None,
    address: str | None = None,
) -> Application:
    """Put it on the waiting list."""
    return decide(application, Status.WAITLISTED, by=by, message=message, seen=seen, address=address)


@transaction.atomic
def decline(
    application: Application,
    *,
    by: User,
    reason: str = DeclineReason.OTHER,
    message: str = "",
    seen: int | None = None,
    address: str | None = None,
) -> Application:
    """Decline it for a `DeclineReason`; one that says nothing itself is owed a message."""
    require_reason(reason, message)
    return decide(
        application,
        Status.DECLINED,
        by=by,
        message=message,
        seen=seen,
        address=address,
        decline_reason=reason,
    )


@transaction.atomic
def revoke(
    application: Application, *, by: User, message: str, seen: int | None = None, address: str | None = None
) -> Application:
    """End an approval; every door asks anew, so it is shut from the commit on."""
    require_message(message, "Tell the developer why the approval is revoked.")
    return decide(
        application, Status.REVOKED, by=by, message=message, seen=seen, address=address, is_agreed=True
    )


@transaction.atomic
def grant(
    programme: Programme,
    user: User,
    *,
    by: User,
    message: str = "",
    grants_seats: bool = False,
    address: str | None = None,
) -> Application:
    """Approve `user` without waiting for their application: staff hands in what there is, and approves it.

    The team that was asked for, if any, gets its seats with it only where `grants_seats`: what was approved
    beforehand was approved before anybody knew of a team.
    Raises Refusal for one's own access, an account that is not in order, an approval that is there, and a
    programme that wants two reviewers.
    """
    if programme.needs_second_reviewer:
        raise Refusal(
            "second_reviewer_needed",
            f"{programme.name} wants two reviewers to agree. Decide on the application in the console.",
        )
    if not user.is_active or not user.has_verified_email():
        raise Refusal("account_not_in_order", "That account is deactivated or has no verified address.")
    made, _ = Application.objects.live().get_or_create(programme=programme, applicant=user)
    team_oversight.hold(made)
    under_way = locked_for_review(made, by=by, seen=None)
    hold_room(programme)
    if under_way.is_draft:
        # Without answers nothing was asked.
        questions = programme.questions.all() if under_way.answers else ()
        asked = [question.wording() for question in questions]
        step(
            under_way,
            Status.SUBMITTED,
            verb=Verb.APPLICATION_HANDED_IN,
            by=by,
            address=address,
            asked=asked,
            **facts_kept(under_way, answers=under_way.answers, asked=asked),
            submitted_at=timezone.now(),
        )
    approved = decide(under_way, Status.APPROVED, by=by, message=message, seen=None, address=address)
    if grants_seats:
        team_oversight.grant_asked(approved, seats=None, by=by, address=address)
    return approved
