"""What a person does with whole conversations: rename, pin, delete, and for how long they are kept."""

from functools import partial

from django.db import transaction
from django.utils import timezone

from playground import streams
from playground.actions.ending import cancel
from playground.models import TITLE_CHARACTERS, Conversation, Generation, PlaygroundPreferences
from portal.accounts.models import User
from portal.ledger import actions as ledger
from portal.ledger.verbs import Verb


def rename(conversation: Conversation, *, title: str) -> None:
    """Give it another title; an empty one changes nothing."""
    if stripped := title.strip()[:TITLE_CHARACTERS]:
        Conversation.objects.filter(pk=conversation.pk).update(title=stripped)


def pin(conversation: Conversation, *, is_pinned: bool) -> None:
    """Keep it at the top of the list, or no longer."""
    Conversation.objects.filter(pk=conversation.pk).update(pinned_at=timezone.now() if is_pinned else None)


@transaction.atomic
def delete(conversation: Conversation, *, by: User | None) -> None:
    """Delete it with all that was said, shared and judged in it; what is being written is stopped.

    `by` is None where time has run out. The ledger hears that it was there, and nothing of it.
    """
    answers = list(Generation.objects.filter(turn__conversation=conversation).with_story())
    for answer in answers:
        if answer.is_live:
            cancel(answer, by=conversation.user)
    ledger.record(
        Verb.CONVERSATION_DELETED,
        subject=conversation,
        by=by,
        data={"release": conversation.release.slug, "answers": len(answers)},
    )
    transaction.on_commit(partial(streams.forget, [answer.pk for answer in answers]))
    conversation.delete()


def prefer(user: User, *, retention_days: int | None) -> None:
    """Set for how long conversations at rest are kept; None: until they are deleted by hand."""
    PlaygroundPreferences.objects.update_or_create(user=user, defaults={"retention_days": retention_days})
