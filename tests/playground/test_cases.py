"""Tables of cases: what is read from CSV, spreadsheets and JSON Lines, and that each wrong line is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.cases import ROWS_MAX, Unreadable, read
from playground.filling import Unfillable, fill, variables_of
from playground.models import PROMPT_MAX_CHARACTERS

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}\\"), max_size=30)


def faults(text):
    with pytest.raises(Unreadable) as unreadable:
        read(text)
    return [str(fault) for fault in unreadable.value.faults]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\r\n1,2\r\n", [{"a": "1", "b": "2"}]),
        ("\ufeffa\n\n 1 \n\n", [{"a": " 1 "}]),
        ('a,b\n"x\ny","say ""hi"", now"\n', [{"a": "x\ny", "b": 'say "hi", now'}]),
        ("a\tb\n1,5\t2\n", [{"a": "1,5", "b": "2"}]),
        ("stadt_ä\nKöln", [{"stadt_ä": "Köln"}]),
        ('{"a": "x"}\n\n{"a": null, "b": [1, 2]}', [{"a": "x"}, {"a": "", "b": "[1, 2]"}]),
    ],
)
def test_tables_are_read(text, rows):
    assert read(text) == rows


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["The table is empty. The first line names the variables."]),
        ("a,b", ["There are no cases below the line that names the variables."]),
        ("a,b\n1\n1,2\n1,2,3", [
            "Line 2: has 1 cell; the first line names 2.", "Line 4: has 3 cells; the first line names 2.",
        ]),
        ('a\n"x\ny"\n1,2', ["Line 4: has 2 cells; the first line names 1."]),
        ('a\n1\n"x', ["Line 3: is not CSV: unexpected end of data."]),
        ("a,a\n1,2", ["Line 1: names a variable twice."]),
        ("a b\n1", ["Line 1: “a b” is no name: use letters, digits and _."]),
        ('{"a": 1}\n{"a"\n[1]', ["Line 2: is not a JSON object.", "Line 3: is not a JSON object."]),
        ('{"a b": 1}', ["Line 1: “a b” is no name: use letters, digits and _."]),
        ("a\n\x00", ["This is not text."]),
        ('{"a": "\\u0000"}', ["Line 1: has a character that is no text."]),
        ("a" + "\n1" * (ROWS_MAX + 1), ["There are 201 cases; 200 are the most of one run."]),
    ],
)  # fmt: skip
def test_each_wrong_line_is_told(text, told):
    assert faults(text) == told


def test_half_a_character_is_replaced_since_no_database_keeps_it():
    assert read('{"a": "x\\ud800"}') == [{"a": "x?"}]


@given(st.dictionaries(st.sampled_from(["a", "b_1", "ü"]), st.text(max_size=20)), TEXTS)
def test_values_stand_where_their_names_stood_and_are_not_looked_into(values, between):
    prompt = between.join("{{" + name + "}}" for name in values)

    assert fill(prompt, values) == between.join(values.values())
    assert variables_of(prompt) == list(values)


@given(TEXTS)
def test_text_without_places_stays(text):
    assert fill(text, {}) == text
    assert fill(r"\{{a}} {b} {{a b}} {{}} {{{", {}) == "{{a}} {b} {{a b}} {{}} {{{"


def test_missing_values_are_named():
    with pytest.raises(Unfillable) as fault:
        fill("{{a}} {{b}} {{c}} {{a}}", {"b": ""})

    assert (str(fault.value), fault.value.names) == ("No value is given for “a”, “c”.", ("a", "c"))


def test_a_prompt_that_grows_too_long_is_refused():
    fill("{{a}}", {"a": "x" * PROMPT_MAX_CHARACTERS})

    with pytest.raises(Unfillable, match="longer than 100,000 characters"):
        fill("{{a}}!", {"a": "x" * PROMPT_MAX_CHARACTERS})
