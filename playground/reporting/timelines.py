"""The history of a report, as its reporter and as staff may read it."""

from typing import Any

from playground.reporting.models import Report, ReportNote
from portal.ledger.verbs import Verb

# The verb of the step -> its icon and its tone.
_LOOKS: dict[Verb, tuple[str, str]] = {
    Verb.REPORT_FILED: ("flag", "info"),
    Verb.REPORT_TRIAGE_STARTED: ("eye", "info"),
    Verb.REPORT_ACCEPTED: ("circle-check", "success"),
    Verb.REPORT_DISMISSED: ("circle-x", "neutral"),
    Verb.REPORT_FIXED: ("tool", "success"),
    Verb.REPORT_ASSIGNED: ("user", "neutral"),
    Verb.REPORT_RATED: ("gauge", "neutral"),
    Verb.REPORT_NOTED: ("pencil", "neutral"),
    Verb.REPORT_MESSAGED: ("message", "info"),
    Verb.REPORT_RELEASE_PAUSED: ("clock-pause", "warning"),
    Verb.REPORT_RELEASE_RESUMED: ("player-play", "neutral"),
    Verb.REGRESSION_CASE_MADE: ("flask", "neutral"),
    Verb.REGRESSION_CASE_RETIRED: ("archive", "neutral"),
}


def for_reporter(report: Report) -> list[dict[str, Any]]:
    """The steps and messages, newest first, without the names of staff. One query."""
    return [_entry(note, _seen_by_reporter(note, report)) for note in _notes(report, is_private=False)]


def for_staff(report: Report) -> list[dict[str, Any]]:
    """All of it, newest first, with addresses. One query."""
    return [_entry(note, _seen_by_staff(note, report)) for note in _notes(report)]


def _notes(report: Report, **wanted: bool) -> list[ReportNote]:
    return list(report.notes.filter(**wanted).select_related("by").order_by("-at", "-pk"))


def _seen_by_reporter(note: ReportNote, report: Report) -> str:
    if note.by_id is None:
        return "the portal"
    return "you" if note.by_id == report.reporter_id else "staff"


def _seen_by_staff(note: ReportNote, report: Report) -> str:
    return "the reporter" if note.by_id == report.reporter_id else str(note.by or "the portal")


def _entry(note: ReportNote, actor: str) -> dict[str, Any]:
    icon, tone = _LOOKS.get(Verb(note.verb), ("point", "neutral"))
    return {
        "is_private": note.is_private,
        "at": note.at,
        "title": note.title,
        "body": note.message,
        "actor": actor,
        "icon": icon,
        "tone": tone,
    }
