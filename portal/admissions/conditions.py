"""What must hold before a verb may act on an application; each rule refuses with its next step."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.models import Application, Note, Programme, Question
from portal.common.refusals import Refusal
from portal.common.transitions import LostRace


def locked(application: Application) -> Application:
    """The application as it stands now, its row locked until the transaction ends. One query."""
    rows = Application.objects.select_for_update(of=("self",)).select_related("programme", "applicant")
    return rows.get(pk=application.pk)


def locked_for_review(application: Application, *, by: User, seen: int | None) -> Application:
    """The locked application, if `by` may decide on it and nothing happened since they last looked.

    `seen` is the id of the newest timeline entry that the reviewer was shown; None for one
    who decides unseen, as a command does. Raises LostRace with what happened since.
    """
    row = locked(application)
    if row.applicant_id == by.pk:
        raise Refusal(
            "own_application", "You cannot decide on your own application. Ask another reviewer.", status=403
        )
    if seen is not None:
        since = row.notes.filter(pk__gt=seen).select_related("by").order_by("pk").last()
        if since is not None:
            raise LostRace("application_changed", sentence_about(since))
    return row


def sentence_about(note: Note) -> str:
    """Say who did what, and when, to a reviewer who was about to do something else."""
    who = str(note.by) if note.by else "The portal"
    at = timezone.localtime(note.at)
    return (
        f"{who} was here first: “{note.title}” at {at:%H:%M} {at.tzname()} on {at:%-d %B}. Nothing of "
        "yours was written. Read what happened, then decide again if you still want to."
    )


def require_own(application: Application, by: User) -> None:
    """Only the applicant writes, submits and withdraws."""
    if application.applicant_id != by.pk:
        raise Refusal("not_yours", "This application belongs to somebody else.", status=404)


def require_able_to_apply(programme: Programme, by: User) -> None:
    """Applying takes an active account, a verified address and an open programme."""
    if not by.is_active:
        raise Refusal("account_inactive", "A deactivated account cannot apply.", status=403)
    if not by.has_verified_email():
        raise Refusal(
            "email_verified",
            "Verify your e-mail address first: follow the link that we sent you, or ask for a new one.",
            status=403,
            remedy="/accounts/email/",
        )
    if not Programme.objects.filter(pk=programme.pk, is_open=True).exists():
        raise Refusal(
            "programme_closed",
            f"{programme.name} takes no applications at present. What you have typed is kept as a draft.",
            remedy="/dashboard/",
        )


def require_answered(questions: Iterable[Question], answers: Mapping[str, Any]) -> None:
    """Every required question has an answer; forms say so field by field before it comes to this."""
    missing = [one.label for one in questions if one.is_required and not answers.get(one.code)]
    if missing:
        raise Refusal("answers_missing", f"Some answers are missing: {'; '.join(missing)}", status=422)


def require_message(message: str, sentence: str) -> None:
    """Some steps are owed an explanation; `sentence` asks for it."""
    if not message.strip():
        raise Refusal("message_required", sentence, status=422)
