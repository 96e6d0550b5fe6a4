"""Variables in prompts: finding `{{name}}`, and putting values in their places."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from playground.models import PROMPT_MAX_CHARACTERS

# A backslash before the braces makes them text.
_PLACE = re.compile(r"(\\)?\{\{[ \t]*(\w+)[ \t]*\}\}")
NAME = re.compile(r"\w+")


class Unfillable(ValueError):  # noqa: N818 - it is told to a person
    """A prompt that cannot be filled, in a sentence; `names` are the variables without a value."""

    def __init__(self, sentence: str, *, names: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.names = names


@dataclass(frozen=True)
class Piece:
    """A part of a filled prompt: the prompt's own words, or in a place what stands there now."""

    text: str
    name: str = ""
    is_missing: bool = False


def has_places(prompt: str) -> bool:
    r"""Whether there is anything in it that filling would change.

    >>> has_places(r"\{{a}}"), has_places("{{a b}}")
    (True, False)
    """
    return _PLACE.search(prompt) is not None


def variables_of(prompt: str) -> list[str]:
    r"""The names of a prompt's variables, in the order in which they first come.

    >>> variables_of(r"From {{ place }} to {{goal}} by {{place}}, not \{{this}} nor {{a b}}")
    ['place', 'goal']
    """
    return list(dict.fromkeys(found[2] for found in _PLACE.finditer(prompt) if not found[1]))


def fill(prompt: str, values: Mapping[str, str]) -> str:
    r"""The prompt with `values` in the places of its variables; values are never looked into.

    Raises Unfillable when a value is missing, or all of it grows beyond what a prompt may have.

    >>> fill(r"{{a}} and \{{a}}", {"a": "{{b}}", "c": ""})
    '{{b}} and {{a}}'
    """
    missing = tuple(name for name in variables_of(prompt) if name not in values)
    if missing:
        told = ", ".join(f"“{name}”" for name in missing)
        raise Unfillable(f"No value is given for {told}.", names=missing)
    return "".join(piece.text for piece in pieces(prompt, values))


def pieces(prompt: str, values: Mapping[str, str]) -> Iterator[Piece]:
    """The filled prompt piece by piece; a place without a value stays as it is.

    Raises Unfillable when all of it grows beyond what a prompt may have.
    """
    length = 0
    for piece in _pieces(prompt, values):
        # Counted before anything is joined: a long value in many places would fill the memory.
        length += len(piece.text)
        if length > PROMPT_MAX_CHARACTERS:
            raise Unfillable(
                f"The filled prompt is longer than {PROMPT_MAX_CHARACTERS:,} characters. Shorten it."
            )
        yield piece


def _pieces(prompt: str, values: Mapping[str, str]) -> Iterator[Piece]:
    at = 0
    for found in _PLACE.finditer(prompt):
        yield Piece(prompt[at : found.start()])
        is_escaped, name = found.groups()
        if is_escaped:
            yield Piece(found[0][1:])
        else:
            yield Piece(values.get(name, found[0]), name, is_missing=name not in values)
        at = found.end()
    yield Piece(prompt[at:])
