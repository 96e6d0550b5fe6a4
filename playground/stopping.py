"""Stopping what is being written when the session that asked for it ends."""

import hashlib

from playground import actions
from playground.models import Generation, GenerationQuerySet
from portal.accounts.models import User


def session_digest(session_key: str | None) -> str:
    """What a generation keeps of its session: enough to know it again, not to use it."""
    return hashlib.sha256(session_key.encode()).hexdigest() if session_key else ""


def stop_session(session_key: str | None) -> int:
    """Stop every answer that was asked for with a session that ended; how many."""
    digest = session_digest(session_key)
    if not digest:
        return 0
    return _stop(Generation.objects.filter(session_digest=digest))


def stop_person(user: User) -> int:
    """Stop every answer that is being written for a person; how many."""
    return _stop(Generation.objects.visible_to(user))


def _stop(answers: GenerationQuerySet) -> int:
    live = list(answers.live().with_story())
    for answer in live:
        actions.cancel(answer, by=answer.turn.conversation.user)
    return len(live)
