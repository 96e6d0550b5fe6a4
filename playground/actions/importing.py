"""Writing a conversation that came as a file."""

import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from playground.actions.sending import title_of
from playground.importing import Imported
from playground.models import TITLE_CHARACTERS, Conversation, Generation, GenerationStatus, Turn
from playground.parameters import usual
from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.releases.models import Release


@transaction.atomic
def import_conversation(imported: Imported, *, by: User, release: Release) -> Conversation:
    """Write what a file holds as a conversation with `release`; no model said its answers here.

    Raises Refusal when a gate is shut.
    """
    decide(by, release, Action.PLAYGROUND).require()
    now = timezone.now()
    title = imported.title.strip() or title_of(imported.said[0].prompt) or "Imported"
    conversation = Conversation.objects.create(
        user=by,
        release=release,
        title=title[:TITLE_CHARACTERS],
        settings=usual(release.context_length) | imported.settings,
    )
    before: Generation | None = None
    for number, said in enumerate(imported.said):
        # A moment apart, since their order is that of their times.
        at = now + timedelta(microseconds=number)
        turn = Turn.objects.create(
            conversation=conversation,
            follows=before,
            prompt=said.prompt,
            tool_results=said.tool_results,
            send_key=uuid.uuid4(),
            created_at=at,
        )
        before = Generation.objects.create(
            turn=turn,
            status=GenerationStatus.DONE,
            params={"model": release.served_model_name or release.slug, **conversation.settings},
            text=said.text,
            tool_calls=said.tool_calls,
            is_imported=True,
            queued_at=at,
            ended_at=at,
        )
    return conversation
