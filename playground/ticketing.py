"""Tickets: a page that was just given to a session may follow its answer without anybody's being looked up.

What a ticket opens is what the same session could have opened when it was written: one stream, within
seconds, and only with the session's own cookie beside it, so that an address in a log is worth nothing.
"""

from uuid import UUID

from django.core import signing

# From the page's being made to its script's asking; a reconnection after that is looked up as ever.
TICKET_SECONDS = 30
_SALT = "playground.stream"


def issue(generation_id: UUID, *, session_key: str) -> str:
    """A ticket for one stream and one session."""
    named = _named(generation_id, session_key)
    return _signer().sign(named).removeprefix(f"{named}:")


def is_valid(ticket: str, generation_id: UUID, *, session_key: str) -> bool:
    """Whether `ticket` was issued for just these, and not longer than TICKET_SECONDS ago."""
    try:
        _signer().unsign(f"{_named(generation_id, session_key)}:{ticket}", max_age=TICKET_SECONDS)
    except signing.BadSignature:
        return False
    return True


def _named(generation_id: UUID, session_key: str) -> str:
    return f"{generation_id}:{session_key}"


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=_SALT)
