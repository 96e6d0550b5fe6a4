"""What reviewers write among themselves: notes with mentions, conflicts of interest, and scores."""

import re
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import REVIEW, holders_of
from portal.admissions.applications.conditions import locked, require_impartial, require_message
from portal.admissions.models import Application, Conflict, Criterion, Proposal, Reveal, Score
from portal.admissions.models.reviewing import SCORE_MAX, SCORE_MIN
from portal.common import mail
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

# An address, or the part of one before its own @.
MENTION = re.compile(r"(?<![\w@])@([\w.+-]+(?:@[\w.-]+\w)?)")


@transaction.atomic
def add_note(application: Application, *, by: User, text: str, address: str | None = None) -> list[User]:
    """Keep a note that only staff read; whoever is mentioned in it is told by mail, and returned."""
    require_message(text, "Write the note first.")
    row = locked(application)
    row.staff_notes.create(by=by, verb=Verb.APPLICATION_NOTED, message=text.strip())
    mentioned = [one for one in mentioned_in(text) if one.pk != by.pk]
    record(
        Verb.APPLICATION_NOTED,
        subject=row,
        by=by,
        data={"mentioned": [str(one) for one in mentioned]},
        address=address,
    )
    for one in mentioned:
        # The note itself stays in the portal: mailboxes are read by more than reviewers.
        mail.send(
            "application_mentioned",
            to=one.email,
            subject=f"{by.name} mentions you at {row.reference}",
            context={"application": row, "person": one, "by": by, "path": staff_path(row)},
        )
    return mentioned


def mentioned_in(text: str) -> list[User]:
    """The reviewers whom `text` mentions as @address or as @name, the part of it before the @. One query."""
    names = {name.lower().rstrip(".") for name in MENTION.findall(text)}
    if not names:
        return []
    return [one for one in holders_of(REVIEW) if {one.email, one.email.partition("@")[0]} & names]


@transaction.atomic
def declare_conflict(application: Application, *, by: User, address: str | None = None) -> Application:
    """Take no part in the decision, for good: what one scored and proposed is taken out. Idempotent."""
    row = locked(application)
    _, is_new = Conflict.objects.get_or_create(application=row, by=by)
    if not is_new:
        return row
    row.scores.filter(by=by).delete()
    row.score = mean_score(row)
    if row.assignee_id == by.pk:
        row.assignee = row.claimed_until = None
    row.save(update_fields=["assignee", "claimed_until", "score"])
    Proposal.objects.filter(application=row, by=by).delete()
    row.staff_notes.create(by=by, verb=Verb.APPLICATION_CONFLICT_DECLARED)
    record(Verb.APPLICATION_CONFLICT_DECLARED, subject=row, by=by, address=address)
    return row


@transaction.atomic
def reveal(application: Application, *, by: User, address: str | None = None) -> Application:
    """Show a reviewer who applied to a blind programme before the first decision. Idempotent."""
    row = locked(application)
    _, is_new = Reveal.objects.get_or_create(application=row, by=by)
    if is_new:
        row.staff_notes.create(by=by, verb=Verb.APPLICATION_REVEALED)
        record(Verb.APPLICATION_REVEALED, subject=row, by=by, address=address)
    return row


@transaction.atomic
def give_scores(
    application: Application, *, by: User, values: Mapping[Criterion, int | None], address: str | None = None
) -> Application:
    """Score it by the criteria of its programme; None takes a score back.

    Raises Refusal for one's own application, after a conflict, and for a score off the scale.
    """
    row = locked(application)
    require_impartial(row, by)
    for criterion, value in values.items():
        if criterion.programme_id != row.programme_id:
            raise Refusal("other_rubric", "This criterion is not of the application's programme.", status=422)
        if value is None:
            row.scores.filter(criterion=criterion, by=by).delete()
            continue
        if not SCORE_MIN <= value <= SCORE_MAX:
            raise Refusal("off_the_scale", f"A score is {SCORE_MIN} to {SCORE_MAX}.", status=422)
        Score.objects.update_or_create(
            application=row, criterion=criterion, by=by, defaults={"value": value, "at": timezone.now()}
        )
    row.score = mean_score(row)
    row.save(update_fields=["score"])
    row.staff_notes.create(by=by, verb=Verb.APPLICATION_SCORED)
    record(Verb.APPLICATION_SCORED, subject=row, by=by, data={"score": row.score}, address=address)
    return row


def mean_score(application: Application) -> float | None:
    """The mean of what each reviewer gives, criteria weighted by the rubric; None for none. One query."""
    sums: dict[int, tuple[int, int]] = {}
    for value, by, weight in application.scores.values_list("value", "by_id", "criterion__weight"):
        total, weights = sums.get(by, (0, 0))
        sums[by] = (total + value * weight, weights + weight)
    if not sums:
        return None
    return round(sum(total / weights for total, weights in sums.values()) / len(sums), 3)


def staff_path(application: Application) -> str:
    """Where reviewers read the application; the console is above this package, so its address is written."""
    return f"/console/applications/{application.reference}/"
