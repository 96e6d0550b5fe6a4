"""What applicants do with their applications: one verb, one transaction, one ledger entry."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.actions.steps import step
from portal.admissions.applications import handing_in
from portal.admissions.applications.conditions import (
    locked,
    require_able_to_apply,
    require_answers,
    require_appealable,
    require_message,
    require_own,
    require_pause_over,
)
from portal.admissions.models import (
    Application,
    Programme,
    asked_of,
    facts_kept,
)
from portal.admissions.models import ApplicationStatus as Status
from portal.common.transitions import IllegalMove
from portal.ledger.actions import record
from portal.ledger.verbs import Verb


@transaction.atomic
def start(programme: Programme, *, by: User, address: str | None = None) -> Application:
    """Begin a draft, or return the application that is under way, whatever its state.

    Raises Refusal for an unverified address, a closed programme, and in the pause after a decline.
    """
    under_way = Application.objects.live().filter(programme=programme, applicant=by)
    if found := under_way.first():
        return found
    require_able_to_apply(programme, by)
    require_pause_over(programme, by)
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
    # Files are kept apart, by `portal.admissions.applications.filing`.
    kept = dict(draft.files.values_list("code", "name"))
    draft.answers, draft.saved_at = dict(answers) | kept, timezone.now()
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
    programme, now = draft.programme, timezone.now()
    questions = asked_of(programme.questions.all(), answers)
    if draft.is_draft:
        require_able_to_apply(programme, by)
        require_answers(programme, questions, answers)
    # What was answered to a question that is not asked any more is not handed in.
    final = {question.code: answers.get(question.code) for question in questions}
    asked = [question.wording() for question in questions]
    handed_in = step(
        draft,
        Status.SUBMITTED,
        verb=Verb.APPLICATION_SUBMITTED,
        by=by,
        address=address,
        answers=final,
        asked=asked,
        **facts_kept(draft, answers=final, asked=asked),
        saved_at=now,
        submitted_at=now,
        due_at=now + timedelta(days=programme.decision_days) if programme.decision_days else None,
    )
    return handing_in.after(handed_in)


@transaction.atomic
def withdraw(application: Application, *, by: User, address: str | None = None) -> Application:
    """The applicant takes it back, from any open state."""
    open_one = locked(application)
    require_own(open_one, by)
    return step(open_one, Status.WITHDRAWN, verb=Verb.APPLICATION_WITHDRAWN, by=by, address=address)


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
    return step(
        asked,
        Status.IN_REVIEW,
        verb=Verb.APPLICATION_INFORMATION_GIVEN,
        by=by,
        message=message,
        address=address,
    )


@transaction.atomic
def appeal(application: Application, *, by: User, message: str, address: str | None = None) -> Application:
    """The applicant asks for another reviewer's decision on a decline; once.

    Raises IllegalMove when it is not declined, Refusal after an earlier appeal or a new application.
    """
    declined = locked(application)
    require_own(declined, by)
    require_message(message, "Tell us what speaks against the decision.")
    require_appealable(declined)
    try:
        with transaction.atomic():
            return step(
                declined,
                Status.IN_REVIEW,
                verb=Verb.APPLICATION_APPEALED,
                by=by,
                message=message,
                address=address,
                appealed_at=timezone.now(),
                appealed_from=declined.decided_by,
                # Whoever had it may not decide again, so it is anybody else's to take.
                assignee=None,
                claimed_until=None,
            )
    except IntegrityError:
        # A new application of the same person was quicker.
        require_appealable(declined)
        raise
