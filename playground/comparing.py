"""A comparison as its page shows it: rounds of one prompt each, with the columns' answers side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Prefetch

from playground import acknowledging
from playground.models import (
    Comparison,
    Conversation,
    Generation,
    GenerationStatus,
    PreferenceVote,
    Turn,
    Verdict,
)
from playground.parameters import CHAT, NUMBERS
from playground.streams import Seen
from playground.threads import seen_of
from portal.releases.models import Release, Revision

LETTERS = "ABCD"
HIDDEN_FAILURE = "This answer failed. Why is told once you have voted, or press Retry."
WORDS_SHOWN = 60


@dataclass(frozen=True)
class HiddenAnswer:
    """All that may be told of an answer while nobody may know whose it is."""

    pk: UUID
    status: str
    text: str
    is_live: bool
    error_sentence: str

    @property
    def stop_told(self) -> str:
        """What is kept of it; how many tokens that is would tell whose they are."""
        return acknowledging.kept(self.text)


@dataclass(frozen=True)
class ColumnShown:
    """A column's letter and, unless it is hidden, what it is."""

    letter: str
    name: str = ""
    release: Release | None = None
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One column's answer in a round; `seen` is what its stream holds while it is written."""

    column: ColumnShown
    answer: Generation | HiddenAnswer
    seen: Seen | None
    is_winner: bool
    may_retry: bool


@dataclass(frozen=True)
class Round:
    """One prompt and its answers; `vote` is None until the person voted."""

    number: int
    prompt: str
    cells: list[Cell]
    vote: PreferenceVote | None

    @property
    def is_live(self) -> bool:
        """Whether any answer is still being written."""
        return any(cell.answer.is_live for cell in self.cells)

    @property
    def says_anything(self) -> bool:
        """Whether there is any text to prefer."""
        return any(cell.answer.text for cell in self.cells)

    @property
    def outcome(self) -> str:
        """What was voted, in words."""
        if self.vote is None:
            return ""
        winners = [cell.column for cell in self.cells if cell.is_winner]
        if self.vote.verdict != Verdict.ONE_IS_BETTER or not winners:
            return Verdict(self.vote.verdict).label
        return f"{winners[0].letter} is better"


@dataclass(frozen=True)
class Board:
    """All rounds of a comparison, oldest first."""

    comparison: Comparison
    columns: list[ColumnShown]
    rounds: list[Round]
    is_unkept: bool

    @property
    def is_live(self) -> bool:
        """Whether any answer is being written."""
        return any(one.is_live for one in self.rounds)

    def cell_of(self, answer_id: UUID) -> tuple[Round, Cell] | None:
        """Where an answer stands; None when another has taken its place."""
        found = ((one, cell) for one in self.rounds for cell in one.cells if cell.answer.pk == answer_id)
        return next(found, None)


def board_of(comparison: Comparison) -> Board:
    """The comparison as it stands. Four queries, and one look at the stream of each live answer."""
    columns = list(comparison.columns.select_related("release", "revision").order_by("column"))
    turns = _turns_of(columns)
    votes = {vote.round: vote for vote in comparison.votes.all()}
    shown = [_shown(column, is_hidden=comparison.hides_names) for column in columns]
    # All columns were asked together or none was, so the nth turns of all are one round.
    said = list(zip(*turns, strict=False))
    rounds = [
        _round(
            number,
            one,
            shown=shown,
            vote=votes.get(number),
            is_hidden=comparison.hides_names,
            is_newest=number == len(said) - 1,
        )
        for number, one in enumerate(said)
    ]
    return Board(comparison, shown, rounds, is_unkept=any(column.is_unkept for column in columns))


def answers_of(comparison: Comparison, round_number: int) -> list[Generation]:
    """The answers that a round shows, by column; nothing where there is no such round. Three queries."""
    columns = list(comparison.columns.order_by("column"))
    rounds = list(zip(*_turns_of(columns), strict=False))
    if not 0 <= round_number < len(rounds):
        return []
    return [_newest(turn) for turn in rounds[round_number]]


def name_of(release: Release, revision: Revision | None) -> str:
    """A column's name: the release, and the revision where it is one that is served beside it."""
    return f"{release.name}, {revision.name} {revision.commit[:7]}" if revision else release.name


def described(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Settings in a few words each, for people.

    >>> described({"temperature": 0.7, "max_tokens": 100, "system_prompt": "Be kind.", "mode": "raw"})
    ('Temperature 0.7', 'Longest answer 100', 'Raw completion', 'System prompt “Be kind.”')
    """
    words = [
        f"{one.label} {settings[one.name]:g}" if not one.is_whole else f"{one.label} {settings[one.name]}"
        for one in NUMBERS
        if settings.get(one.name) is not None
    ]
    if settings.get("max_tokens"):
        words.append(f"Longest answer {settings['max_tokens']}")
    if settings.get("stop"):
        words.append(f"Stop at {', '.join(settings['stop'])}")
    if settings.get("json_schema"):
        words.append("JSON schema")
    if settings.get("mode", CHAT) != CHAT:
        words.append("Raw completion")
    if prompt := settings.get("system_prompt"):
        words.append(f"System prompt “{prompt[:WORDS_SHOWN]}{'…' if len(prompt) > WORDS_SHOWN else ''}”")
    return tuple(words)


def _turns_of(columns: Sequence[Conversation]) -> list[list[Turn]]:
    """Each column's turns, oldest first. Two queries."""
    answers = Prefetch("generations", Generation.objects.select_related("feedback").order_by("queued_at"))
    said = Turn.objects.filter(conversation__in=columns).order_by("created_at").prefetch_related(answers)
    by_column: dict[UUID, list[Turn]] = {column.pk: [] for column in columns}
    conversations = {column.pk: column for column in columns}
    for turn in said:
        turn.conversation = conversations[turn.conversation_id]
        by_column[turn.conversation_id].append(turn)
    return list(by_column.values())


def _shown(column: Conversation, *, is_hidden: bool) -> ColumnShown:
    letter = LETTERS[column.column or 0]
    if is_hidden:
        return ColumnShown(letter)
    name = name_of(column.release, column.revision)
    return ColumnShown(letter, name, column.release, described(column.settings))


def _round(
    number: int,
    turns: Sequence[Turn],
    *,
    shown: Sequence[ColumnShown],
    vote: PreferenceVote | None,
    is_hidden: bool,
    is_newest: bool,
) -> Round:
    cells = []
    for column, turn in zip(shown, turns, strict=True):
        answer = _newest(turn)
        cells.append(
            Cell(
                column=column,
                answer=_hidden(answer) if is_hidden else answer,
                seen=seen_of(answer),
                is_winner=vote is not None and vote.winner_id == answer.pk,
                may_retry=answer.is_retryable and is_newest and vote is None,
            )
        )
    return Round(number, turns[0].prompt, cells, vote)


def _newest(turn: Turn) -> Generation:
    return list(turn.generations.all())[-1]


def _hidden(answer: Generation) -> HiddenAnswer:
    return HiddenAnswer(
        pk=answer.pk,
        status=answer.status,
        text=answer.text,
        is_live=answer.is_live,
        # The portal's own sentences name the release.
        error_sentence=HIDDEN_FAILURE if answer.status == GenerationStatus.FAILED else "",
    )
