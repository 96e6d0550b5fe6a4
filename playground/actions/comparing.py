"""Comparisons: asking all columns the same, voting, and what is done with a whole comparison."""

import secrets
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from playground.actions.asking import Wish
from playground.actions.conversations import delete
from playground.actions.ending import cancel
from playground.actions.sending import NOT_KEPT, retry, send, title_of
from playground.models import (
    TITLE_CHARACTERS,
    Comparison,
    Conversation,
    ConversationKind,
    Generation,
    PreferenceVote,
    Verdict,
)
from playground.models.comparisons import COLUMNS_MAX, COLUMNS_MIN
from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger import actions as ledger
from portal.ledger.verbs import Verb
from portal.releases.models import Release, Revision

FORBIDDEN = 403
SHUFFLE = secrets.SystemRandom()


@dataclass(frozen=True)
class Column:
    """One column as it is chosen; `revision` is None for what the release's own model server has."""

    release: Release
    revision: Revision | None
    settings: Mapping[str, Any]


def compare(
    columns: Sequence[Column],
    *,
    prompt: str,
    token: uuid.UUID,
    is_blind: bool,
    by: User,
    is_unkept: bool = False,
    **asker: Any,
) -> Comparison:
    """Begin a comparison by asking all `columns` the same; a form sent twice begins one.

    Blind columns stand in a random order that is kept. `token` is the form's own, `asker` as for `send`.
    Raises Refusal when a gate is shut or too many answers are being written; nothing is asked then.
    """
    if not COLUMNS_MIN <= len(columns) <= COLUMNS_MAX:
        raise Refusal("columns", f"Compare {COLUMNS_MIN} to {COLUMNS_MAX} columns.", status=422)
    for column in columns:
        decide(by, column.release, Action.PLAYGROUND, revision=column.revision).require()
    key = uuid.uuid5(token, f"comparison of {by.pk}")
    title = NOT_KEPT if is_unkept else title_of(prompt)
    with transaction.atomic():
        made, is_new = Comparison.objects.get_or_create(
            pk=key, defaults={"user": by, "title": title, "is_blind": is_blind}
        )
        if is_new:
            placed = SHUFFLE.sample(columns, len(columns)) if is_blind else columns
            _place(made, placed, is_unkept=is_unkept)
            ask(made, prompt=prompt, token=token, by=by, **asker)
    return made


def ask(comparison: Comparison, *, prompt: str, token: uuid.UUID, by: User, **asker: Any) -> list[Generation]:
    """Ask all columns the same in one transaction: all or none; a form sent twice asks once.

    Raises Refusal as `send` does. Of hidden columns it does not tell which was refused.
    """
    with _naming_nothing_hidden(comparison), transaction.atomic():
        row = Comparison.objects.select_for_update().get(pk=comparison.pk)
        asked = [
            _ask(column, prompt=prompt, token=uuid.uuid5(token, str(column.column)), by=by, **asker)
            for column in row.columns.select_related("release", "revision").order_by("column")
        ]
        row.updated_at = timezone.now()
        row.save(update_fields=["updated_at"])
    return asked


def ask_again(comparison: Comparison, answer: Generation, *, by: User, **asker: Any) -> Generation:
    """Ask one column again whose answer failed or was stopped. Raises Refusal as `retry` and `ask` do."""
    with _naming_nothing_hidden(comparison):
        return retry(answer, by=by, **asker)


def stop_all(comparison: Comparison, *, by: User) -> None:
    """Stop whatever is being written in any column."""
    live = Generation.objects.live().filter(turn__conversation__comparison=comparison)
    for answer in live:
        cancel(answer, by=by)


@transaction.atomic
def vote(
    comparison: Comparison,
    *,
    round_number: int,
    answers: Sequence[Generation],
    verdict: str,
    winner: Generation | None = None,
) -> PreferenceVote:
    """Keep what the person thinks of `answers`, the round's; for good. It tells which column is which.

    Raises Refusal while an answer is being written, when the round was voted on, and for a
    winner that is none of them or says nothing.
    """
    row = Comparison.objects.select_for_update().get(pk=comparison.pk)
    _refuse_vote(row, round_number=round_number, answers=answers, verdict=verdict, winner=winner)
    made = PreferenceVote.objects.create(
        comparison=row, round=round_number, verdict=verdict, winner=winner, was_blind=row.hides_names
    )
    made.generations.set(answers)
    if row.hides_names:
        row.revealed_at = made.created_at
        row.save(update_fields=["revealed_at"])
    ledger.record(
        Verb.PREFERENCE_VOTED,
        subject=row,
        by=row.user,
        data={"round": round_number, "verdict": verdict, "was_blind": made.was_blind},
    )
    return made


def rename_comparison(comparison: Comparison, *, title: str) -> None:
    """Give it another title; an empty one changes nothing."""
    if stripped := title.strip()[:TITLE_CHARACTERS]:
        Comparison.objects.filter(pk=comparison.pk).update(title=stripped)


@transaction.atomic
def delete_comparison(comparison: Comparison, *, by: User | None) -> None:
    """Delete it with all its columns and votes; `by` is None where time has run out."""
    for column in comparison.columns.select_related("user", "release"):
        delete(column, by=by)
    comparison.delete()


def _place(comparison: Comparison, columns: Sequence[Column], *, is_unkept: bool) -> None:
    for number, column in enumerate(columns):
        Conversation.objects.create(
            user=comparison.user,
            release=column.release,
            revision=column.revision,
            kind=ConversationKind.COLUMN,
            title=comparison.title,
            settings=dict(column.settings),
            comparison=comparison,
            column=number,
            is_unkept=is_unkept,
        )


def _ask(column: Conversation, *, prompt: str, token: uuid.UUID, by: User, **asker: Any) -> Generation:
    wish = Wish(prompt=prompt, token=token, settings=column.settings)
    return send(wish, by=by, release=column.release, conversation=column, **asker)


@contextmanager
def _naming_nothing_hidden(comparison: Comparison) -> Iterator[None]:
    """Say no more of a gate than that it is shut: its sentence and its link name the release."""
    try:
        yield
    except Refusal as refusal:
        if not comparison.hides_names or refusal.status != FORBIDDEN:
            raise
        raise Refusal(
            "column_shut",
            "One of the columns is not open to you any more. Vote to see which, or start another comparison.",
            status=FORBIDDEN,
        ) from refusal


def _refuse_vote(
    comparison: Comparison,
    *,
    round_number: int,
    answers: Sequence[Generation],
    verdict: str,
    winner: Generation | None,
) -> None:
    if not answers or any(answer.is_live for answer in answers):
        raise Refusal("answer_not_ended", "Wait until all answers of this round have ended, then vote.")
    if comparison.votes.filter(round=round_number).exists():
        raise Refusal("voted_already", "You have voted on this round. A vote is final.")
    is_won = verdict == Verdict.ONE_IS_BETTER
    if is_won != (winner is not None) or (winner and (winner not in answers or not winner.text)):
        raise Refusal("no_such_answer", "Choose one of the answers of this round.", status=422)
