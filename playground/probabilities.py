"""The tokens of an answer by how likely each was, and what else might have stood there."""

import math
from dataclasses import dataclass

from playground.models import Generation

BANDS = 5
# What a page can hold; a longer answer shows its beginning.
TOKENS_SHOWN = 2_000


@dataclass(frozen=True)
class Alternative:
    """A token that might have stood there, and how likely it was, in percent."""

    text: str
    percent: float


@dataclass(frozen=True)
class Token:
    """A token as it stands in the answer. `band` is 0 (unlikely) to BANDS - 1 (all but certain)."""

    text: str
    percent: float
    band: int
    alternatives: tuple[Alternative, ...]

    @property
    def has_break(self) -> bool:
        """Whether a line ends in it."""
        return "\n" in self.text


def tokens_of(generation: Generation) -> list[Token]:
    """The tokens of an answer that was asked for with log-probabilities. No query."""
    return [
        Token(
            text=text,
            percent=_percent(logprob),
            band=min(BANDS - 1, int(_percent(logprob) * BANDS / 100)),
            alternatives=tuple(
                Alternative(shown(other), _percent(value)) for other, value in others if other != text
            ),
        )
        for text, logprob, others in generation.logprobs[:TOKENS_SHOWN]
    ]


def shown(text: str) -> str:
    r"""A token with its white space to be seen.

    >>> shown(" a\n")
    '␣a⏎'
    """
    return text.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥") or "(nothing)"


def _percent(logprob: float) -> float:
    """A natural log-probability in percent, to a tenth.

    >>> _percent(0.0), _percent(-0.6931), _percent(-9999.0)
    (100.0, 50.0, 0.0)
    """
    return round(100 * math.exp(min(0.0, logprob)), 1)
