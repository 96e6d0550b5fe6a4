"""Files of decisions: CSV with the columns reference, decision, reason and message, a row an application."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portal.admissions.models.bulk import BulkVerb
from portal.admissions.reasons import DeclineReason
from portal.common.refusals import Refusal

BYTES_MAX = 5 * 1024 * 1024
ROWS_MAX = 5_000
COLUMNS = ("reference", "decision", "reason", "message")
REQUIRED = ("reference", "decision")
# What people write -> what it means.
_DECISIONS: dict[str, BulkVerb] = {
    "approve": BulkVerb.APPROVE,
    "approved": BulkVerb.APPROVE,
    "waitlist": BulkVerb.WAITLIST,
    "waitlisted": BulkVerb.WAITLIST,
    "decline": BulkVerb.DECLINE,
    "declined": BulkVerb.DECLINE,
}
_REASONS = {reason.label.casefold(): reason.value for reason in DeclineReason} | {
    reason.value: reason.value for reason in DeclineReason
}


@dataclass(frozen=True)
class FileRow:
    """One row as it stands in the file; `line` counts from 1 with the headings."""

    line: int
    reference: str
    decision: str
    reason: str = ""
    message: str = ""
    has_too_many_cells: bool = False

    @property
    def verb(self) -> str:
        """What is to be decided; "" where the word is unknown."""
        return _DECISIONS.get(self.decision.casefold(), "")

    @property
    def decline_reason(self) -> str:
        """The reason's code, whether it is written as one or in words; "" where it is unknown."""
        return _REASONS.get(self.reason.casefold(), "")


def read(content: bytes) -> list[FileRow]:
    """The rows of a file, empty ones left out. Raises Refusal for what is no such file at all."""
    if len(content) > BYTES_MAX:
        raise _unreadable(f"The file has more than {BYTES_MAX // 1024**2} MB. Split it.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _unreadable(
            f"The file is not UTF-8: see line {line}. Save it as “CSV UTF-8” and send it again."
        ) from error
    if "\x00" in text:
        raise _unreadable("The file holds null characters, so it is no text. Save it as “CSV UTF-8”.")
    rows = list(_rows(text))
    if not rows:
        raise _unreadable("The file has no rows below its headings. Add one for each application.")
    if len(rows) > ROWS_MAX:
        raise _unreadable(f"The file has {len(rows):,} rows; {ROWS_MAX:,} is the most. Split it.")
    return rows


def _rows(text: str) -> Iterator[FileRow]:
    head = text.lstrip("\r\n").partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if head.count(";") else ",", strict=True)
    names: list[str] = []
    started = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if names:
                    yield _row(names, cells, started)
                else:
                    names = _headings(cells)
            started = reader.line_num + 1
    except csv.Error as error:
        raise _unreadable(
            f"Line {reader.line_num} cannot be read: {error}. Check its quotation marks."
        ) from error


def _headings(cells: Sequence[str]) -> list[str]:
    names = [cell.strip().casefold() for cell in cells]
    if missing := [name for name in REQUIRED if name not in names]:
        raise _unreadable(
            f"The first line lacks the heading “{missing[0]}”. Let it name the columns: {', '.join(COLUMNS)}."
        )
    if twice := sorted({name for name in names if name in COLUMNS and names.count(name) > 1}):
        raise _unreadable(f"The heading “{twice[0]}” stands there twice. Remove one of the columns.")
    return names


def _row(names: Sequence[str], cells: Sequence[str], line: int) -> FileRow:
    known = {name: _as_meant(cell) for name, cell in zip(names, cells, strict=False) if name in COLUMNS}
    too_many = any(cell.strip() for cell in cells[len(names) :])
    missing = {name: "" for name in REQUIRED if name not in known}
    return FileRow(line=line, **known, **missing, has_too_many_cells=too_many)


def _as_meant(cell: str) -> str:
    """The cell without what `spreadsheets.as_text` has put before it."""
    text = cell.strip()
    return text[1:] if text.startswith("'") and text[1:2] in {"=", "+", "-", "@"} else text


def _unreadable(sentence: str) -> Refusal:
    return Refusal("file_not_readable", sentence, status=422)
