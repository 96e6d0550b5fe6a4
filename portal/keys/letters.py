"""What a key's owner is written about it."""

from datetime import datetime

from portal.common import mail
from portal.keys.models import ApiKey


def key_made(key: ApiKey, *, address: str | None) -> None:
    """Tell the owner that there is a new key, so that one they did not make is noticed; after the commit."""
    mail.send(
        "key_made",
        to=key.user.email,
        subject=f"A new API key: {key.name}",
        context={"key": key, "person": key.user, "address": address},
    )


def key_used_elsewhere(key: ApiKey, *, use_at: datetime, address: str, client: str) -> None:
    """Tell the owner that a key was used from a network for the first time; after the commit."""
    mail.send(
        "key_used_elsewhere",
        to=key.user.email,
        subject=f"Your API key “{key.name}” was used from a new network",
        context={"key": key, "person": key.user, "use_at": use_at, "address": address, "client": client},
    )
