"""What changed between two texts: line by line, or word by word within the paragraphs that changed."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONG_LINES = 2_000
SAME, ADDED, REMOVED, CHANGED = "same", "added", "removed", "changed"
# Paragraphs that have less in common are told as one that went and one that came.
SIMILARITY_MIN = 0.4
# Above so many pairs of words a comparison takes seconds; the paragraph is told as a whole.
WORD_PAIRS_MAX = 4_000_000
# A paragraph is looked for among so many new ones; without a limit two long texts that have little in common
# would take minutes.
LOOK_AHEAD = 6
_BLANK_LINES = re.compile(r"\n\s*\n")
_WORDS = re.compile(r"\S+\s*")


@dataclass(frozen=True)
class Line:
    """One line of a text: its numbers in the older and the newer version, None where it is not there."""

    kind: str
    text: str
    older: int | None
    newer: int | None


@dataclass(frozen=True)
class Piece:
    """Words in a row that are the same in both, or were added or removed."""

    kind: str
    text: str


@dataclass(frozen=True)
class Passage:
    """Paragraphs in a row that are the same, or one that was added, removed or changed in places."""

    kind: str
    pieces: tuple[Piece, ...]


def lines_between(older: str, newer: str) -> list[Line]:
    r"""The lines of both texts in their order, those that went before those that came.

    >>> [(line.kind, line.text, line.older, line.newer) for line in lines_between("a\nb", "a\nc")]
    [('same', 'a', 1, 1), ('removed', 'b', 2, None), ('added', 'c', None, 2)]
    """
    before, after = older.splitlines(), newer.splitlines()
    lines: list[Line] = []
    # The matcher's shortcut is rough, but without it a text of many equal lines would take minutes.
    is_long = len(before) + len(after) > LONG_LINES
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=is_long)
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            lines += [Line(SAME, before[i + n], i + n + 1, j + n + 1) for n in range(i_end - i)]
            continue
        lines += [Line(REMOVED, before[n], n + 1, None) for n in range(i, i_end)]
        lines += [Line(ADDED, after[n], None, n + 1) for n in range(j, j_end)]
    return lines


def passages_between(older: str, newer: str) -> list[Passage]:
    r"""Both texts as one, paragraph by paragraph; blank lines part paragraphs.

    >>> [(piece.kind, piece.text) for piece in passages_between("Be kind.", "Be very kind.")[0].pieces]
    [('same', 'Be '), ('added', 'very '), ('same', 'kind.')]
    >>> [passage.kind for passage in passages_between("One.\n\nTwo.", "One.\n\nThree.")]
    ['same', 'removed', 'added']
    """
    before, after = _paragraphs(older), _paragraphs(newer)
    is_long = len(before) + len(after) > LONG_LINES
    matcher = difflib.SequenceMatcher(None, _keys(before), _keys(after), autojunk=is_long)
    passages: list[Passage] = []
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            passages.append(Passage(SAME, tuple(Piece(SAME, text) for text in after[j:j_end])))
        else:
            passages += _paired(before[i:i_end], after[j:j_end])
    return passages


def _paragraphs(text: str) -> list[str]:
    return [one.strip("\n") for one in _BLANK_LINES.split(text) if one.strip()]


def _keys(texts: Sequence[str]) -> list[str]:
    """What texts are compared by: how their lines are broken makes no difference."""
    return [" ".join(text.split()) for text in texts]


def _paired(before: Sequence[str], after: Sequence[str]) -> Iterator[Passage]:
    """What became of some paragraphs: each old one meets the first new one nearby that is much like it."""
    reached = 0
    for old in before:
        near = range(reached, min(reached + LOOK_AHEAD, len(after)))
        found = next((n for n in near if _is_alike(old, after[n])), None)
        if found is None:
            yield Passage(REMOVED, (Piece(REMOVED, old),))
            continue
        yield from (Passage(ADDED, (Piece(ADDED, new),)) for new in after[reached:found])
        yield Passage(CHANGED, tuple(_pieces(old, after[found])))
        reached = found + 1
    yield from (Passage(ADDED, (Piece(ADDED, new),)) for new in after[reached:])


def _is_alike(old: str, new: str) -> bool:
    before, after = old.split(), new.split()
    if len(before) * len(after) > WORD_PAIRS_MAX:
        return False
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return matcher.quick_ratio() >= SIMILARITY_MIN and matcher.ratio() >= SIMILARITY_MIN


def _pieces(old: str, new: str) -> Iterator[Piece]:
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    matcher = difflib.SequenceMatcher(None, _keys(before), _keys(after), autojunk=False)
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            yield Piece(SAME, "".join(after[j:j_end]))
            continue
        if i < i_end:
            yield Piece(REMOVED, "".join(before[i:i_end]))
        if j < j_end:
            yield Piece(ADDED, "".join(after[j:j_end]))
