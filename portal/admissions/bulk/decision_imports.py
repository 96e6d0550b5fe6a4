"""Decisions from a file: each row is checked, and what can be decided is prepared as a decision on many."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef

from portal.accounts.models import User
from portal.admissions import reasons
from portal.admissions.bulk import decision_files
from portal.admissions.bulk.actions import INSERTED_AT_ONCE
from portal.admissions.bulk.decision_files import FileRow
from portal.admissions.models import (
    Application,
    ApplicationStatus,
    BulkDecision,
    BulkItem,
    Conflict,
    DecisionImport,
    ItemOutcome,
)
from portal.admissions.models.bulk import BECOMES, BulkVerb
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

MESSAGE_CHARACTERS_MAX = 4_000
_DONE = {
    BulkVerb.APPROVE: "approved",
    BulkVerb.WAITLIST: "put on the waiting list",
    BulkVerb.DECLINE: "declined",
}


@transaction.atomic
def read(content: bytes, *, file_name: str, by: User, address: str | None = None) -> DecisionImport:
    """Check every row as the applications stand now, and prepare what is possible; nothing is decided.

    Raises Refusal for what is no such file at all; a row that is wrong is told of and loses no other.
    """
    rows = decision_files.read(content)
    found = _applications(rows, by=by)
    lines = _lines_by_reference(rows)
    told = []
    possible = []
    for row in rows:
        problem = _problem_of(row, found.get(row.reference.upper()), lines, by=by)
        told.append(_told(row, problem))
        if not problem:
            possible.append(row)
    left_out = len(rows) - len(possible)
    made = DecisionImport.objects.create(
        by=by,
        file_name=file_name.replace("\x00", "")[:200],
        sha256=hashlib.sha256(content).hexdigest(),
        rows=told,
        bulk=_prepared(possible, found, by=by, left_out=left_out, address=address),
    )
    numbers = dict(Counter(row.verb for row in possible))
    facts = {
        "file": made.file_name,
        "sha256": made.sha256,
        "possible": numbers,
        "refused": left_out,
    }
    record(Verb.DECISIONS_IMPORTED, subject=made, by=by, data=facts, address=address)
    return made


def report(made: DecisionImport) -> list[dict[str, Any]]:
    """Its rows with what has come of each since, in `outcome`: "" before it begins. One query."""
    outcomes = {}
    if made.bulk is not None:
        items = made.bulk.items.values_list("application__reference", "outcome", "sentence")
        outcomes = {reference: _outcome(outcome, sentence) for reference, outcome, sentence in items}
    return [row | {"outcome": outcomes.get(row["reference"].upper(), "")} for row in made.rows]


def _outcome(outcome: str, sentence: str) -> str:
    if outcome == ItemOutcome.PENDING:
        return ""
    return f"{ItemOutcome(outcome).label}. {sentence}".strip()


def _applications(rows: Sequence[FileRow], *, by: User) -> dict[str, Application]:
    own = Conflict.objects.filter(by=by, application=OuterRef("pk"))
    references = {row.reference.upper() for row in rows}
    received = Application.objects.received().filter(reference__in=references)
    received = received.annotate(has_conflict=Exists(own))
    return {one.reference: one for one in received.defer("words", "search_words", "answers", "asked")}


def _lines_by_reference(rows: Sequence[FileRow]) -> dict[str, list[int]]:
    lines: dict[str, list[int]] = {}
    for row in rows:
        lines.setdefault(row.reference.upper(), []).append(row.line)
    return lines


def _problem_of(
    row: FileRow, application: Application | None, lines: Mapping[str, list[int]], *, by: User
) -> str:
    """Why nothing can be decided by this row, with what to do; "" where something can."""
    if row.has_too_many_cells:
        return "The row has more cells than there are headings. Put a text with commas into quotation marks."
    if not row.reference:
        return "The reference is missing. Write the one that the queue shows, such as REQ-7KQ2MX9D."
    if not row.verb:
        return f"“{row.decision[:40]}” is no decision. Write approve, waitlist or decline."
    if application is None:
        return "No application has this reference. Check how it is written."
    if len(lines[row.reference.upper()]) > 1:
        others = ", ".join(str(line) for line in lines[row.reference.upper()])
        return f"The reference stands on the lines {others}. Keep one of them."
    return _problem_of_text(row) or _problem_of_state(application, row.verb, by=by)


def _problem_of_text(row: FileRow) -> str:
    if len(row.message) > MESSAGE_CHARACTERS_MAX:
        return f"The message has more than {MESSAGE_CHARACTERS_MAX:,} characters. Shorten it."
    if row.verb != BulkVerb.DECLINE:
        return "Only a decline has a reason. Leave the cell empty." if row.reason else ""
    if not row.reason:
        return f"A decline is owed a reason. Write one of: {', '.join(reasons.DeclineReason.values)}."
    if not row.decline_reason:
        known = ", ".join(reasons.DeclineReason.values)
        return f"“{row.reason[:40]}” is no reason that is known. Write one of: {known}."
    if not reasons.sentence(row.decline_reason) and not row.message:
        return "This reason says nothing by itself. Write a message to the applicant."
    return ""


def _problem_of_state(application: Application, verb: str, *, by: User) -> str:
    if problem := _problem_of_reviewer(application, by):
        return problem
    state = application.get_status_display().lower()
    if application.status == BECOMES[BulkVerb(verb)]:
        return f"It is {state} already. Remove the row."
    if application.status == ApplicationStatus.DECLINED:
        return "It is declined, and only its applicant can appeal. Remove the row."
    if not application.may_become(BECOMES[BulkVerb(verb)]):
        return f"It is {state} and cannot be {_DONE[BulkVerb(verb)]} any more. Remove the row."
    return ""


def _problem_of_reviewer(application: Application, by: User) -> str:
    if application.applicant_id == by.pk:
        return "It is your own application. Ask another reviewer."
    if application.is_appeal and application.appealed_from_id == by.pk:
        return "It is an appeal against your own decision. Ask another reviewer."
    if getattr(application, "has_conflict", False):
        return "You declared a conflict of interest. Ask another reviewer."
    return ""


def _told(row: FileRow, problem: str) -> dict[str, Any]:
    return {
        "line": row.line,
        "reference": row.reference[:40],
        "decision": row.decision[:40],
        "is_possible": not problem,
        "told": problem or f"Would be {_DONE[BulkVerb(row.verb)]}.",
    }


def _prepared(
    rows: Sequence[FileRow],
    found: Mapping[str, Application],
    *,
    by: User,
    left_out: int,
    address: str | None,
) -> BulkDecision | None:
    """The decision on many that carries these rows out, each as its application stands now."""
    if not rows:
        return None
    chosen = [found[row.reference.upper()].pk for row in rows]
    newest = Application.objects.filter(pk__in=chosen).annotate(seen=Max("notes__pk")).order_by()
    seen = dict(newest.values_list("pk", "seen"))
    made = BulkDecision.objects.create(by=by, verb=BulkVerb.AS_LISTED, address=address, left_out=left_out)
    items = [
        BulkItem(
            bulk=made,
            application_id=pk,
            seen=seen[pk] or 0,
            verb=row.verb,
            reason=row.decline_reason if row.verb == BulkVerb.DECLINE else "",
            message=row.message,
        )
        for pk, row in zip(chosen, rows, strict=True)
    ]
    BulkItem.objects.bulk_create(items, batch_size=INSERTED_AT_ONCE)
    return made
