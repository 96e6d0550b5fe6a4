"""What every verb on a report does: lock it, move it, write it down, and tell whom it concerns."""

from collections.abc import Mapping
from typing import Any

from playground.reporting import letters
from playground.reporting.models import REPORT_MOVES, Report, ReportStatus
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

_S = ReportStatus


def locked(report: Report) -> Report:
    """The report as it stands now, its row locked until the transaction ends. One query."""
    rows = Report.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("release", "reporter", "assignee").get(pk=report.pk)


def note(
    row: Report,
    verb: Verb,
    *,
    by: User | None,
    address: str | None,
    message: str = "",
    is_private: bool = False,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write a step into the report's history and the ledger, which hears no words of people."""
    row.notes.create(by=by, verb=verb, message=message, is_private=is_private)
    record(verb, subject=row, by=by, data={"release": row.release.slug, **(facts or {})}, address=address)


def step(
    row: Report,
    to: str,
    verb: Verb,
    *,
    by: User | None,
    address: str | None,
    message: str = "",
    facts: Mapping[str, Any] | None = None,
    **changes: Any,
) -> None:
    """Move a locked report, write it down, and tell its reporter. Raises IllegalMove."""
    move(row, to, moves=REPORT_MOVES, **changes)
    note(row, verb, by=by, address=address, message=message, facts=facts)
    letters.tell(row, verb=verb, message=message)


def take_up(row: Report, *, by: User, address: str | None) -> None:
    """Bring a new report into triage on the way to a decision; whoever decides has it."""
    if row.status != _S.NEW:
        return
    # The decision itself is told in a moment, so that no mail goes out for this.
    move(row, _S.TRIAGING, moves=REPORT_MOVES, assignee=row.assignee or by)
    note(row, Verb.REPORT_TRIAGE_STARTED, by=by, address=address)


def require_text(text: str, sentence: str, *, most: int) -> str:
    """The text without blanks around it. Raises Refusal with `sentence` for none, and for too much."""
    text = text.strip()
    if not text:
        raise Refusal("nothing_written", sentence, status=422)
    if len(text) > most:
        told = f"This has {len(text):,} characters, and {most:,} is the most. Shorten it."
        raise Refusal("too_long", told, status=422)
    return text
