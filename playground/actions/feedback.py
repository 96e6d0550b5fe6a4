"""What a person thinks of an answer: given, changed and taken back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from playground import preferences
from playground.judging import Question
from playground.models import Feedback, Generation
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger import actions as ledger
from portal.ledger.verbs import Verb


@transaction.atomic
def give_feedback(
    generation: Generation,
    *,
    by: User,
    rating: int,
    tags: Sequence[str] = (),
    comment: str = "",
    correction: str = "",
) -> Feedback:
    """Keep what the person thinks of an answer, instead of what they thought before.

    The ledger hears that it was given and not what was said, which the person may take back.

    Raises Refusal while it is being written, and for one that came with a file: no model said it here.
    """
    if generation.is_live:
        raise Refusal("answer_not_ended", "The answer is still being written. Judge it at its end.")
    if generation.is_imported:
        raise Refusal("answer_imported", "This answer came with a file, so there is no model to judge.")
    facts = {
        "user": by,
        "rating": rating,
        "tags": list(tags),
        "comment": comment.strip(),
        "correction": correction.strip(),
        "updated_at": timezone.now(),
    }
    given, _ = Feedback.objects.update_or_create(generation=generation, defaults=facts)
    ledger.record(Verb.FEEDBACK_GIVEN, subject=generation, by=by)
    return given


@transaction.atomic
def remove_feedback(generation: Generation, *, by: User) -> None:
    """Take back what was said of an answer. Idempotent."""
    removed, _ = Feedback.objects.filter(generation=generation).delete()
    if removed:
        ledger.record(Verb.FEEDBACK_REMOVED, subject=generation, by=by)


@transaction.atomic
def export_preferences(
    question: Question, *, asked: Mapping[str, Any], by: User, address: str | None = None
) -> Iterator[str]:
    """Write down that `by` takes the preferences that fit out of the portal, and give their lines.

    `asked` is the question in words for the ledger. The lines are read when they are taken.
    """
    ledger.record(Verb.PREFERENCES_EXPORTED, subject=by, by=by, data=asked, address=address)
    return preferences.lines(question.votes(), question.feedback())
