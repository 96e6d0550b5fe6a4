"""Everything that changes a programme or an application: one verb, one transaction, one ledger entry."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions import letters
from portal.admissions.conditions import (
    locked,
    locked_for_review,
    require_able_to_apply,
    require_answered,
    require_message,
    require_own,
)
from portal.admissions.models import APPLICATION_MOVES, Application, Programme
from portal.admissions.models import ApplicationStatus as Status
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove, move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

_DECISIONS = {
    Status.APPROVED: Verb.APPLICATION_APPROVED,
    Status.WAITLISTED: Verb.APPLICATION_WAITLISTED,
    Status.DECLINED: Verb.APPLICATION_DECLINED,
    Status.REVOKED: Verb.APPLICATION_REVOKED,
}


@transaction.atomic
def open_programme(programme: Programme, *, by: User | None, address: str | None = None) -> bool:
    """Let people apply; False when they could already."""
    return _turn(programme, is_open=True, verb=Verb.PROGRAMME_OPENED, by=by, address=address)


@transaction.atomic
def close_programme(programme: Programme, *, by: User | None, address: str | None = None) -> bool:
    """Take no more applications; False when none were taken already. Drafts stay, unsent."""
    return _turn(programme, is_open=False, verb=Verb.PROGRAMME_CLOSED, by=by, address=address)


@transaction.atomic
def start(programme: Programme, *, by: User, address: str | None = None) -> Application:
    """Begin a draft, or return the application that is under way, whatever its state.

    Raises Refusal for an unverified address and for a closed programme.
    """
    under_way = Application.objects.live().filter(programme=programme, applicant=by)
    if found := under_way.first():
        return found
    require_able_to_apply(programme, by)
    try:
        with transaction.atomic():
            made = Application.objects.create(programme=programme, applicant=by)
    except IntegrityError:
        # Another request of the same person was quicker.
        return under_way.get()
    made.notes.create(by=by, status=made.status, verb=Verb.APPLICATION_STARTED)
    facts = {"programme": programme.slug}
    record(Verb.APPLICATION_STARTED, subject=made, by=by, data=facts, address=address)
    return made


@transaction.atomic
def save_draft(application: Application, *, answers: Mapping[str, Any], by: User) -> Application:
    """Keep what has been typed so far, right or wrong; it changes no state and so leaves no entry.

    `answers` holds raw text by the question's code. Raises IllegalMove when it is no draft any more.
    """
    draft = locked(application)
    require_own(draft, by)
    if not draft.is_draft:
        raise IllegalMove(
            "application_submitted",
            "This application has been submitted, and can no longer be changed.",
            remedy=draft.get_absolute_url(),
        )
    draft.answers, draft.saved_at = dict(answers), timezone.now()
    draft.save(update_fields=["answers", "saved_at"])
    return draft


@transaction.atomic
def submit(
    application: Application, *, answers: Mapping[str, Any], by: User, address: str | None = None
) -> Application:
    """Hand the draft in with its final answers, and with the wording of the questions as they stand.

    Raises Refusal for an unverified address, a closed programme and a required answer that is
    missing; IllegalMove when it was submitted before.
    """
    draft = locked(application)
    require_own(draft, by)
    if draft.is_draft:
        require_able_to_apply(draft.programme, by)
        require_answered(list(draft.programme.questions.all()), answers)
    now = timezone.now()
    return _step(
        draft,
        Status.SUBMITTED,
        verb=Verb.APPLICATION_SUBMITTED,
        by=by,
        address=address,
        answers=dict(answers),
        asked=[question.wording() for question in draft.programme.questions.all()],
        saved_at=now,
        submitted_at=now,
    )


@transaction.atomic
def withdraw(application: Application, *, by: User, address: str | None = None) -> Application:
    """The applicant takes it back, from any open state."""
    open_one = locked(application)
    require_own(open_one, by)
    return _step(open_one, Status.WITHDRAWN, verb=Verb.APPLICATION_WITHDRAWN, by=by, address=address)


@transaction.atomic
def give_information(
    application: Application, *, by: User, message: str, address: str | None = None
) -> Application:
    """The applicant answers a reviewer's question; it is the reviewer's turn again."""
    asked = locked(application)
    require_own(asked, by)
    require_message(message, "Write an answer to the reviewer's question.")
    if asked.status != Status.INFORMATION_REQUESTED:
        # The table lets a reviewer bring other states into review, but only this one by an answer.
        raise IllegalMove("nothing_asked", "No question is open about this application any more.")
    return _step(
        asked,
        Status.IN_REVIEW,
        verb=Verb.APPLICATION_INFORMATION_GIVEN,
        by=by,
        message=message,
        address=address,
    )


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
    return _step(
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
    reviewed = _in_review(locked_for_review(application, by=by, seen=seen), by=by, address=address)
    return _step(
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
    address: str | None = None,
) -> Application:
    """Approve it, whereupon the programme's releases open to the applicant."""
    return _decide(application, Status.APPROVED, by=by, message=message, seen=seen, address=address)


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
    return _decide(application, Status.WAITLISTED, by=by, message=message, seen=seen, address=address)


@transaction.atomic
def decline(
    application: Application, *, by: User, message: str, seen: int | None = None, address: str | None = None
) -> Application:
    """Decline it; the applicant is owed a reason."""
    require_message(message, "Tell the applicant why, and what they can do next.")
    return _decide(application, Status.DECLINED, by=by, message=message, seen=seen, address=address)


@transaction.atomic
def revoke(
    application: Application, *, by: User, message: str, seen: int | None = None, address: str | None = None
) -> Application:
    """End an approval; every door asks anew, so it is shut from the commit on."""
    require_message(message, "Tell the developer why the approval is revoked.")
    return _decide(application, Status.REVOKED, by=by, message=message, seen=seen, address=address)


@transaction.atomic
def grant(programme: Programme, user: User, *, by: User, address: str | None = None) -> Application:
    """Approve `user` without waiting for their application: staff hands in what there is, and approves it.

    Raises Refusal for one's own access, an account that is not in order, and an approval that is there.
    """
    if not user.is_active or not user.has_verified_email():
        raise Refusal("account_not_in_order", "That account is deactivated or has no verified address.")
    made, _ = Application.objects.live().get_or_create(programme=programme, applicant=user)
    under_way = locked_for_review(made, by=by, seen=None)
    if under_way.is_draft:
        # Without answers nothing was asked.
        questions = programme.questions.all() if under_way.answers else ()
        _step(
            under_way,
            Status.SUBMITTED,
            verb=Verb.APPLICATION_HANDED_IN,
            by=by,
            address=address,
            asked=[question.wording() for question in questions],
            submitted_at=timezone.now(),
        )
    return _decide(under_way, Status.APPROVED, by=by, message="", seen=None, address=address)


def _turn(programme: Programme, *, is_open: bool, verb: Verb, by: User | None, address: str | None) -> bool:
    if not Programme.objects.filter(pk=programme.pk, is_open=not is_open).update(is_open=is_open):
        return False
    programme.is_open = is_open
    record(verb, subject=programme, by=by, address=address)
    return True


def _decide(
    application: Application,
    to: Status,
    *,
    by: User,
    message: str,
    seen: int | None,
    address: str | None,
) -> Application:
    waiting = locked_for_review(application, by=by, seen=seen)
    # So that a refusal names the state that the reviewer saw.
    reviewed = _in_review(waiting, by=by, address=address) if waiting.may_become(to) else waiting
    decided = {"decided_at": timezone.now(), "decided_by": by}
    return _step(reviewed, to, verb=_DECISIONS[to], by=by, message=message, address=address, **decided)


def _in_review(application: Application, *, by: User, address: str | None) -> Application:
    """Take a locked application into review if it waits for that; a step with an entry of its own."""
    if application.status not in {Status.SUBMITTED, Status.INFORMATION_REQUESTED}:
        return application
    return _step(
        application,
        Status.IN_REVIEW,
        verb=Verb.APPLICATION_REVIEW_STARTED,
        by=by,
        address=address,
    )


def _step(
    application: Application,
    to: Status,
    *,
    verb: Verb,
    by: User,
    message: str = "",
    address: str | None = None,
    **changes: Any,
) -> Application:
    """Move a locked application and leave its line in the timeline, its ledger entry and its mail."""
    left = move(application, to, moves=APPLICATION_MOVES, **changes)
    application.notes.create(by=by, status=to, verb=verb, message=message.strip())
    facts = {"programme": application.programme.slug, "from": left, "to": to}
    record(verb, subject=application, by=by, data=facts, address=address)
    letters.tell(application, verb=verb, message=message.strip())
    return application
