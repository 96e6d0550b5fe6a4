"""Tables of test cases: read from CSV, from what a spreadsheet copies, or from JSON Lines."""

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

from playground.filling import NAME

ROWS_MAX = 200
COLUMNS_MAX = 50
FILE_MAX_BYTES = 2 * 1024 * 1024
FAULTS_MAX = 20
# The csv module refuses longer cells by default, with a sentence of its own.
csv.field_size_limit(FILE_MAX_BYTES)

Row = dict[str, str]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a line, counted from 1; None: with all of it."""

    line: int | None
    sentence: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.sentence}" if self.line else self.sentence


class Unreadable(ValueError):  # noqa: N818 - it is told to a person
    """A table that cannot be taken, with what is wrong, the first lines first."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults[:FAULTS_MAX]


def read(text: str) -> list[Row]:
    r"""The rows of a table: each variable's value, all texts.

    Raises Unreadable, which tells every line that is wrong.

    >>> read("name,goal\nAda,\"a, b\"\n"), read('{"name": "Ada", "age": 3}')
    ([{'name': 'Ada', 'goal': 'a, b'}], [{'name': 'Ada', 'age': '3'}])
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not text.strip():
        raise Unreadable([Fault(None, "The table is empty. The first line names the variables.")])
    if "\x00" in text:
        raise Unreadable([Fault(None, "This is not text.")])
    rows = _json_lines(text) if text.lstrip().startswith("{") else _separated(text)
    if not rows:
        raise Unreadable([Fault(None, "There are no cases below the line that names the variables.")])
    if len(rows) > ROWS_MAX:
        raise Unreadable([Fault(None, f"There are {len(rows)} cases; {ROWS_MAX} are the most of one run.")])
    return rows


def _separated(text: str) -> list[Row]:
    """CSV, or the tabs that spreadsheets put between cells."""
    heading = text.lstrip("\n").partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter="\t" if "\t" in heading else ",", strict=True)
    rows: list[Row] = []
    faults: list[Fault] = []
    names: list[str] | None = None
    began = 1
    try:
        for cells in reader:
            line, began = began, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if names is None:
                names = [cell.strip() for cell in cells]
                _check_names(names, line)
            elif len(cells) != len(names):
                found = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
                faults.append(Fault(line, f"has {found}; the first line names {len(names)}."))
            else:
                rows.append(dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        faults.append(Fault(began, f"is not CSV: {error}."))
    if faults:
        raise Unreadable(faults)
    return rows


def _json_lines(text: str) -> list[Row]:
    rows: list[Row] = []
    faults: list[Fault] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(_row(json.loads(line)))
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, _NotARow) else "is not a JSON object."
            faults.append(Fault(number, reason))
    if faults:
        raise Unreadable(faults)
    return rows


class _NotARow(ValueError):  # noqa: N818
    """What is wrong with one line of JSON."""


def _row(given: Any) -> Row:
    if not isinstance(given, dict):
        raise _NotARow("is not a JSON object.")
    if len(given) > COLUMNS_MAX:
        raise _NotARow(f"has more than {COLUMNS_MAX} variables.")
    if odd := next((name for name in given if not NAME.fullmatch(name)), None):
        raise _NotARow(f"“{odd[:40]}” is no name: use letters, digits and _.")
    row = {name: _text(value) for name, value in given.items()}
    if any("\x00" in value for value in row.values()):
        raise _NotARow("has a character that is no text.")
    return row


def _text(value: Any) -> str:
    """A value as it goes into a prompt."""
    if isinstance(value, str):
        # Half of a surrogate pair, which the database has no bytes for.
        return value.encode("utf-8", "replace").decode()
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _check_names(names: list[str], line: int) -> None:
    if len(names) > COLUMNS_MAX:
        raise Unreadable([Fault(line, f"names more than {COLUMNS_MAX} variables.")])
    faults = [
        Fault(line, f"“{name[:40]}” is no name: use letters, digits and _.")
        for name in names
        if not NAME.fullmatch(name)
    ]
    if len(set(names)) != len(names):
        faults.append(Fault(line, "names a variable twice."))
    if faults:
        raise Unreadable(faults)
