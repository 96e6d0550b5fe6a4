"""What is written about a report beside the steps: notes among staff, and messages both ways."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from playground.reporting import letters
from playground.reporting.actions.steps import locked, note, require_text
from playground.reporting.models import Report
from playground.reporting.models.reports import MESSAGE_MAX_CHARACTERS
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger.verbs import Verb


@transaction.atomic
def add_note(report: Report, *, by: User, text: str, address: str | None = None) -> Report:
    """Keep a note that only staff read."""
    text = require_text(text, "Write the note first.", most=MESSAGE_MAX_CHARACTERS)
    row = locked(report)
    note(row, Verb.REPORT_NOTED, by=by, address=address, message=text, is_private=True)
    return row


@transaction.atomic
def write_to_reporter(report: Report, *, by: User, message: str, address: str | None = None) -> Report:
    """Write to the reporter, who gets it by mail; what they wrote counts as answered."""
    message = require_text(message, "Write the message first.", most=MESSAGE_MAX_CHARACTERS)
    row = locked(report)
    row.unread_at = None
    row.save(update_fields=["unread_at"])
    note(row, Verb.REPORT_MESSAGED, by=by, address=address, message=message)
    letters.tell(row, verb=Verb.REPORT_MESSAGED, message=message)
    return row


@transaction.atomic
def write_to_staff(report: Report, *, by: User, message: str, address: str | None = None) -> Report:
    """The reporter writes; the queue shows that somebody should answer, and who has it is told by mail.

    Raises Refusal after REPORT_MESSAGES_PER_DAY.
    """
    message = require_text(message, "Write the message first.", most=MESSAGE_MAX_CHARACTERS)
    row = locked(report)
    since = timezone.now() - timedelta(days=1)
    written = row.notes.filter(by=by, verb=Verb.REPORT_MESSAGED, at__gt=since).count()
    if written >= settings.REPORT_MESSAGES_PER_DAY:
        raise Refusal(
            "messages_spent",
            f"You wrote {written} messages about this report within a day. Write again tomorrow; what you "
            "wrote is with staff.",
            status=429,
        )
    row.unread_at = row.unread_at or timezone.now()
    row.save(update_fields=["unread_at"])
    note(row, Verb.REPORT_MESSAGED, by=by, address=address, message=message)
    letters.tell_assignee(row, sentence="The reporter wrote a message", by=by)
    return row
