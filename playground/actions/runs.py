"""Runs: asking one prompt for each case of a table, stopping them, asking failed ones again, and deleting."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from playground.actions.asking import frozen, request_all, with_new_seed
from playground.actions.conversations import delete
from playground.actions.ending import cancel_all
from playground.actions.sending import title_of
from playground.filling import fill
from playground.models import (
    TITLE_CHARACTERS,
    Conversation,
    ConversationKind,
    Generation,
    PresetVersion,
    PromptCase,
    PromptRun,
    Turn,
)
from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Release

# More unanswered cases of one person than this would only wait for each other.
LIVE_CASES_MAX = 400


def start_run(
    cases: Sequence[Mapping[str, str]],
    *,
    prompt: str,
    settings: Mapping[str, Any],
    token: uuid.UUID,
    by: User,
    release: Release,
    title: str = "",
    preset_version: PresetVersion | None = None,
    **asker: Any,
) -> PromptRun:
    """Ask `prompt`, filled with each of `cases`; a form sent twice starts one run.

    `token` is the form's own, `asker` as for `send`. Raises Refusal when the gate is shut or too many
    cases wait already, and Unfillable when a case lacks a value; nothing is asked then.
    """
    decide(by, release, Action.PLAYGROUND).require()
    key = uuid.uuid5(token, f"run of {by.pk}")
    facts = {
        "user": by,
        "release": release,
        "preset_version": preset_version,
        "title": (title.strip() or title_of(prompt) or "Run")[:TITLE_CHARACTERS],
        "prompt": prompt,
        "settings": dict(settings),
    }
    with transaction.atomic():
        run, is_new = PromptRun.objects.get_or_create(pk=key, defaults=facts)
        if is_new:
            _refuse_too_many(by, len(cases))
            params = frozen(settings, release)
            request_all(_written(run, cases, params=params), by=by, **_heard(asker))
    return run


@transaction.atomic
def cancel_run(run: PromptRun, *, by: User) -> None:
    """Stop whatever of it waits or is being written; what is answered stays. Idempotent.

    One entry of the ledger names all that is taken out of the queue. What is being written is ended by its
    worker, with an entry of its own.
    """
    PromptRun.objects.filter(pk=run.pk, cancelled_at=None).update(cancelled_at=timezone.now())
    ended, told = cancel_all(Generation.objects.filter(turn__conversation__case__run=run))
    if ended or told:
        facts = {
            "release": run.release.slug,
            "ended": [str(answer.pk) for answer in ended],
            "told_to_stop": [str(answer.pk) for answer in told],
        }
        record(Verb.PROMPT_RUN_CANCELLED, subject=run, by=by, data=facts)


def retry_failed(run: PromptRun, *, by: User, **asker: Any) -> int:
    """Ask the cases again whose newest answer failed or was stopped; how many. Pressed twice it asks once.

    Raises Refusal when a gate is shut or too many cases wait already.
    """
    decide(by, run.release, Action.PLAYGROUND).require()
    with transaction.atomic():
        PromptRun.objects.select_for_update().get(pk=run.pk)
        failed = [answer for answer in newest_answers(run) if answer.is_retryable]
        _refuse_too_many(by, len(failed))
        again = [Generation(turn=answer.turn, params=answer.params) for answer in failed]
        if again:
            request_all(again, by=by, **_heard(asker))
        PromptRun.objects.filter(pk=run.pk).update(cancelled_at=None)
    return len(failed)


@transaction.atomic
def delete_run(run: PromptRun, *, by: User | None) -> None:
    """Delete it with all its cases and answers; `by` is None where time has run out."""
    found = Conversation.objects.filter(case__run=run).select_related("user", "release")
    for conversation in found:
        delete(conversation, by=by)
    run.delete()


def newest_answers(run: PromptRun) -> list[Generation]:
    """The newest answer of each case to the prompt itself, in the order of the table. One query."""
    answers = Generation.objects.filter(turn__conversation__case__run=run, turn__follows=None)
    newest = answers.order_by("turn__conversation__case__number", "-queued_at").distinct(
        "turn__conversation__case__number"
    )
    return list(newest.with_story())


def _written(
    run: PromptRun, cases: Sequence[Mapping[str, str]], *, params: dict[str, Any]
) -> list[Generation]:
    """Conversation, turn and case of each row, and its answer to be asked for. Three queries.

    Raises Unfillable.
    """
    talks, turns, rows, answers = [], [], [], []
    for number, values in enumerate(cases, start=1):
        prompt = fill(run.prompt, values)
        title = f"{run.title[:100]}: case {number}"
        talk = Conversation(user=run.user, release=run.release, title=title, settings=run.settings)
        talk.kind = ConversationKind.CASE
        turn = Turn(conversation=talk, prompt=prompt, send_key=uuid.uuid5(run.pk, f"case {number}"))
        talks.append(talk)
        turns.append(turn)
        rows.append(PromptCase(run=run, number=number, variables=dict(values), conversation=talk))
        answers.append(Generation(turn=turn, params=with_new_seed(params)))
    Conversation.objects.bulk_create(talks)
    Turn.objects.bulk_create(turns)
    PromptCase.objects.bulk_create(rows)
    return answers


def _heard(asker: Mapping[str, Any]) -> dict[str, Any]:
    """Where the asker is. A run outlives the session in which it was started."""
    return {"address": asker.get("address")}


def _refuse_too_many(user: User, more: int) -> None:
    live = Generation.objects.live().asked_by(user).filter(turn__conversation__kind=ConversationKind.CASE)
    if live.count() + more > LIVE_CASES_MAX:
        raise Refusal(
            "too_many_cases",
            f"More than {LIVE_CASES_MAX} cases would wait for an answer. Wait for some, or cancel a run.",
            status=429,
        )
