"""The history of an application, as its applicant and as the staff may read it."""

from typing import Any

from portal.admissions.models import Application, Note, StaffNote
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
    Verb.APPLICATION_APPEALED: ("message", "warning"),
    Verb.APPLICATION_WITHDRAWN: ("arrow-left", "neutral"),
    Verb.APPLICATION_REVOKED: ("ban", "danger"),
    Verb.APPLICATION_CORRECTED: ("pencil", "info"),
    Verb.APPLICATION_ERASED: ("trash", "neutral"),
    Verb.APPLICATION_MESSAGED: ("message", "info"),
    Verb.APPLICATION_CLAIMED: ("user", "neutral"),
    Verb.APPLICATION_ASSIGNED: ("user", "neutral"),
    Verb.APPLICATION_LET_GO: ("arrow-left", "neutral"),
    Verb.APPLICATION_NOTED: ("pencil", "neutral"),
    Verb.APPLICATION_SCORED: ("checks", "neutral"),
    Verb.APPLICATION_CONFLICT_DECLARED: ("ban", "warning"),
    Verb.APPLICATION_REVEALED: ("eye", "warning"),
    Verb.APPLICATION_DECISION_PROPOSED: ("users", "warning"),
}


def for_applicant(application: Application) -> list[dict[str, Any]]:
    """The steps, newest first, without the reviewers' names. One query."""
    return [_entry(note, _seen_by_applicant(note, application)) for note in _notes(application)]


def for_staff(application: Application) -> list[dict[str, Any]]:
    """The steps and what reviewers wrote among themselves, newest first, with addresses. Two queries."""
    notes: list[Note | StaffNote] = [*_notes(application), *application.staff_notes.select_related("by")]
    entries = [_entry(note, _seen_by_staff(note, application)) for note in notes]
    return sorted(entries, key=lambda entry: entry["at"], reverse=True)


def _notes(application: Application) -> list[Note]:
    return list(application.notes.select_related("by").order_by("-at", "-pk"))


def _seen_by_applicant(note: Note, application: Application) -> str:
    if note.rule:
        return "the portal, by a rule"
    return "you" if note.by_id == application.applicant_id else "a reviewer"


def _seen_by_staff(note: Note | StaffNote, application: Application) -> str:
    if isinstance(note, Note) and note.rule:
        return f"the portal, by the rule “{note.rule}”"
    # A blind programme tells nobody who the applicant is, and elsewhere it stands beside the history.
    return "the applicant" if note.by_id == application.applicant_id else str(note.by or "the portal")


def _entry(note: Note | StaffNote, actor: str) -> dict[str, Any]:
    icon, tone = _LOOKS.get(Verb(note.verb), ("point", "neutral"))
    return {
        # The newest public step that a reviewer saw tells whether anything happened since.
        "pk": note.pk if isinstance(note, Note) else 0,
        "is_private": isinstance(note, StaffNote),
        "at": note.at,
        "title": note.title,
        "body": note.message,
        "actor": actor,
        "icon": icon,
        "tone": tone,
    }
