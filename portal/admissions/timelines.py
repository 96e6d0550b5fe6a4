"""The history of an application, as its applicant and as the staff may read it."""

from typing import Any

from portal.admissions.models import Application, Note
from portal.ledger.verbs import Verb

# The verb of the step -> its icon and its tone.
_LOOKS: dict[Verb, tuple[str, str]] = {
    Verb.APPLICATION_STARTED: ("pencil", "neutral"),
    Verb.APPLICATION_SUBMITTED: ("send", "info"),
    Verb.APPLICATION_HANDED_IN: ("send", "info"),
    Verb.APPLICATION_REVIEW_STARTED: ("eye", "info"),
    Verb.APPLICATION_INFORMATION_REQUESTED: ("help-circle", "warning"),
    Verb.APPLICATION_INFORMATION_GIVEN: ("message", "info"),
    Verb.APPLICATION_APPROVED: ("circle-check", "success"),
    Verb.APPLICATION_WAITLISTED: ("hourglass", "warning"),
    Verb.APPLICATION_DECLINED: ("circle-x", "danger"),
    Verb.APPLICATION_WITHDRAWN: ("arrow-left", "neutral"),
    Verb.APPLICATION_REVOKED: ("ban", "danger"),
}


def for_applicant(application: Application) -> list[dict[str, Any]]:
    """The steps, newest first, without the reviewers' names. One query."""
    return [_entry(note, _seen_by_applicant(note, application)) for note in _notes(application)]


def for_staff(application: Application) -> list[dict[str, Any]]:
    """The steps, newest first, with everybody's address. One query."""
    return [_entry(note, str(note.by or "the portal")) for note in _notes(application)]


def _notes(application: Application) -> list[Note]:
    return list(application.notes.select_related("by").order_by("-at", "-pk"))


def _seen_by_applicant(note: Note, application: Application) -> str:
    return "you" if note.by_id == application.applicant_id else "a reviewer"


def _entry(note: Note, actor: str) -> dict[str, Any]:
    icon, tone = _LOOKS.get(Verb(note.verb), ("point", "neutral"))
    return {
        "pk": note.pk,
        "at": note.at,
        "title": note.title,
        "body": note.message,
        "actor": actor,
        "icon": icon,
        "tone": tone,
    }
