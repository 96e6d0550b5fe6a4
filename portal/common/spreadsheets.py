"""CSV files that people open in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from portal.common.streaming import PiecewiseResponse, download


def as_text(cell: str) -> str:
    """The cell so that no spreadsheet takes it for a formula (OWASP, CSV injection).

    >>> as_text("=1+1"), as_text("Ada")
    ("'=1+1", 'Ada')
    """
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


class _Echo:
    """A file that hands back what is written to it, as the csv module needs one."""

    def write(self, line: str) -> str:
        return line


def answer(name: str, *, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> PiecewiseResponse:
    """The rows as a file to download called `name`, sent as they come; None makes an empty cell."""
    return download(name, _lines(headings, rows), content_type="text/csv; charset=utf-8")


def _lines(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(headings)
    for row in rows:
        yield writer.writerow(["" if cell is None else as_text(str(cell)) for cell in row])
