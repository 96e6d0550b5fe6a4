"""Files of decisions as people's programs write them, and everything that is no such file."""

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.admissions.bulk import decision_files
from portal.admissions.bulk.decision_files import FileRow, read
from portal.common.refusals import Refusal


def refused(content: bytes) -> str:
    with pytest.raises(Refusal) as told:
        read(content)
    assert (told.value.code, told.value.status) == ("file_not_readable", 422)
    return told.value.sentence


@pytest.mark.parametrize(
    "content",
    [
        b'reference,decision,reason,message\nREQ-A,decline,no_room,"Sorry, full"\n',
        b"\xef\xbb\xbfReference;Decision;Reason;Message\r\nREQ-A;decline;no_room;Sorry, full\r\n",
        b'\n\nreference,name,decision,reason,message\n\nREQ-A,Ada,decline,no_room,"Sorry, full"',
    ],
)
def test_commas_semicolons_marks_and_other_columns_are_read(content):
    (row,) = read(content)

    assert (row.reference, row.verb, row.decline_reason, row.message) == (
        "REQ-A",
        "decline",
        "no_room",
        "Sorry, full",
    )


def test_lines_are_counted_as_an_editor_counts_them():
    content = b'reference,decision,message\nREQ-A,approve,"two\nlines"\n\nREQ-B,waitlisted,\n'

    assert [(row.line, row.reference, row.verb) for row in read(content)] == [
        (2, "REQ-A", "approve"),
        (5, "REQ-B", "waitlist"),
    ]


def test_a_reason_may_be_written_in_words():
    assert FileRow(2, "REQ-A", "Declined", "the programme has NO room left").decline_reason == "no_room"


def test_what_an_export_has_put_before_a_formula_is_taken_away():
    (row,) = read(b"reference,decision,message\nREQ-A,approve,'=welcome\n")

    assert row.message == "=welcome"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no rows below its headings"),
        (b"reference,decision\n", "no rows below its headings"),
        (b"reference,verdict\nREQ-A,approve\n", "lacks the heading “decision”"),
        (b"reference,decision,decision\nREQ-A,approve,decline\n", "“decision” stands there twice"),
        (b"reference,decision\nREQ-\xff,approve\n", "not UTF-8: see line 2"),
        (b"reference,decision\nREQ-\x00,approve\n", "null characters"),
        (b'reference,decision\nREQ-A,"approve\n', "cannot be read"),
        (b"reference,decision\n" + b"REQ-A,approve\n" * 5_001, "5,001 rows; 5,000 is the most"),
        (b"x" * (decision_files.BYTES_MAX + 1), "more than 5 MB"),
    ],
)
def test_what_is_no_such_file_is_refused_with_what_to_do(content, sentence):
    assert sentence in refused(content)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_file_is_a_crash(content):
    with suppress(Refusal):
        assert all(isinstance(row, FileRow) for row in read(content))


cells = st.text(st.characters(exclude_characters="\x00\r", exclude_categories=["Cs"]), max_size=20).map(
    lambda text: text.strip().lstrip("'")
)


@given(
    st.lists(st.tuples(cells.map(lambda text: f"REQ{text}"), cells, cells, cells), min_size=1),
    st.sampled_from(",;"),
)
def test_what_a_spreadsheet_writes_is_read_as_it_was(rows, delimiter):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows([decision_files.COLUMNS, *rows])

    found = read(file.getvalue().encode())

    assert [(one.reference, one.decision, one.reason, one.message) for one in found] == [
        tuple(cell.strip() for cell in row) for row in rows
    ]
