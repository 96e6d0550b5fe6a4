"""Variables in prompts: finding `{{name}}`, and putting values in their places."""

import re
from collections.abc import Iterator, Mapping

from playground.models import PROMPT_MAX_CHARACTERS

# A backslash before the braces makes them text.
_PLACE = re.compile(r"(\\)?\{\{[ \t]*(\w+)[ \t]*\}\}")
NAME = re.compile(r"\w+")


class Unfillable(ValueError):  # noqa: N818 - it is told to a person
    """A prompt that cannot be filled, in a sentence; `names` are the variables without a value."""

    def __init__(self, sentence: str, *, names: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.names = names


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
    pieces, length = [], 0
    for piece in _pieces(prompt, values):
        # Counted before anything is joined: a long value in many places would fill the memory.
        length += len(piece)
        if length > PROMPT_MAX_CHARACTERS:
            raise Unfillable(
                f"The filled prompt is longer than {PROMPT_MAX_CHARACTERS:,} characters. Shorten it."
            )
        pieces.append(piece)
    return "".join(pieces)


def _pieces(prompt: str, values: Mapping[str, str]) -> Iterator[str]:
    at = 0
    for found in _PLACE.finditer(prompt):
        yield prompt[at : found.start()]
        yield found[0][1:] if found[1] else values[found[2]]
        at = found.end()
    yield prompt[at:]
