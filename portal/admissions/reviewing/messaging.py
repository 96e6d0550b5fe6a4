"""Messages between an applicant and the reviewers, beside the steps; they move nothing."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.applications import letters
from portal.admissions.applications.conditions import locked, locked_for_review, require_message, require_own
from portal.admissions.models import Application
from portal.admissions.reviewing.noting import staff_path
from portal.common import mail
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb


@transaction.atomic
def write_to_reviewers(
    application: Application, *, by: User, message: str, address: str | None = None
) -> Application:
    """The applicant writes; the queue shows that somebody should answer, and who has it is told by mail.

    Raises Refusal for a draft, and after APPLICANT_MESSAGES_PER_DAY.
    """
    row = locked(application)
    require_own(row, by)
    require_message(message, "Write the message first.")
    if row.is_draft:
        raise Refusal("not_submitted", "Nobody reads a draft. Submit the application first.")
    since = timezone.now() - timedelta(days=1)
    written = row.notes.filter(by=by, verb=Verb.APPLICATION_MESSAGED, at__gt=since).count()
    if written >= settings.APPLICANT_MESSAGES_PER_DAY:
        raise Refusal(
            "messages_spent",
            f"You wrote {written} messages about this application within a day. Write again tomorrow; "
            "what you wrote is with the reviewers.",
            status=429,
        )
    row.unread_at = row.unread_at or timezone.now()
    row.save(update_fields=["unread_at"])
    _keep(row, by=by, message=message, address=address)
    if row.is_taken and row.assignee is not None:
        mail.send(
            "application_message_received",
            to=row.assignee.email,
            subject=f"A message about {row.reference}",
            context={"application": row, "person": row.assignee, "path": staff_path(row)},
        )
    return row


@transaction.atomic
def write_to_applicant(
    application: Application, *, by: User, message: str, seen: int | None = None, address: str | None = None
) -> Application:
    """A reviewer writes, asking for nothing; the applicant gets it by mail. Raises as a decision does."""
    require_message(message, "Write the message first.")
    row = locked_for_review(application, by=by, seen=seen)
    _mark_read(row)
    _keep(row, by=by, message=message, address=address)
    letters.tell(row, verb=Verb.APPLICATION_MESSAGED, message=message.strip())
    return row


@transaction.atomic
def mark_read(application: Application) -> Application:
    """A reviewer has read what the applicant wrote, and nothing needs an answer; no state changes."""
    row = locked(application)
    _mark_read(row)
    return row


def _mark_read(row: Application) -> None:
    row.unread_at = None
    row.save(update_fields=["unread_at"])


def _keep(row: Application, *, by: User, message: str, address: str | None) -> None:
    row.notes.create(by=by, status=row.status, verb=Verb.APPLICATION_MESSAGED, message=message.strip())
    record(Verb.APPLICATION_MESSAGED, subject=row, by=by, address=address)
