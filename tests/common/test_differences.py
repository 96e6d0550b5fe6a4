"""What changed between two texts."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.common.differences import ADDED, CHANGED, REMOVED, SAME, passages_between

TEXTS = st.lists(st.text("ab \n.", max_size=12), max_size=6).map("\n\n".join)


def kinds(older, newer):
    return [passage.kind for passage in passages_between(older, newer)]


def told(older, newer):
    return [[(piece.kind, piece.text) for piece in one.pieces] for one in passages_between(older, newer)]


@pytest.mark.parametrize(
    ("older", "newer", "expected"),
    [
        ("A.\n\nB.", "A.\n\nB.", [SAME]),
        ("A.", "A.\n\nB.", [SAME, ADDED]),
        ("A.\n\nB.", "B.", [REMOVED, SAME]),
        ("One two three.", "One two four.", [CHANGED]),
        ("One two three.", "Quite another.", [REMOVED, ADDED]),
        ("", "", []),
    ],
)
def test_paragraphs_are_the_same_added_removed_or_changed(older, newer, expected):
    assert kinds(older, newer) == expected


def test_words_are_told_within_a_changed_paragraph():
    assert told("You may use it today, for free.", "You may use it for free.") == [
        [(SAME, "You may use it "), (REMOVED, "today, "), (SAME, "for free.")]
    ]


def test_how_lines_are_broken_is_no_change():
    assert kinds("You may\nuse it.", "You may use\nit.") == [SAME]


def test_a_paragraph_that_came_before_a_changed_one_keeps_its_place():
    assert kinds("The cat sat there.", "Something new entirely.\n\nThe cat sat here.") == [ADDED, CHANGED]


def side(passages, *, without):
    return " ".join(
        word
        for passage in passages
        for piece in passage.pieces
        if piece.kind != without
        for word in piece.text.split()
    )


@given(older=TEXTS, newer=TEXTS)
def test_both_texts_can_be_read_out_of_what_is_told(older, newer):
    passages = passages_between(older, newer)

    assert side(passages, without=ADDED) == " ".join(older.split())
    assert side(passages, without=REMOVED) == " ".join(newer.split())


@pytest.mark.parametrize(("to", "expected"), [("matters", {CHANGED}), ("", {REMOVED, ADDED, CHANGED})])
def test_a_long_text_takes_no_long_time(to, expected):
    older = "\n\n".join(f"Clause {n} is about {n * 7} things and says so at length. " * 8 for n in range(300))
    newer = (
        older.replace("things", to)
        if to
        else "\n\n".join(f"Of {n} the rule is one. " * 40 for n in range(300))
    )
    began = time.monotonic()

    assert set(kinds(older, newer)) <= expected
    assert time.monotonic() - began < 20
