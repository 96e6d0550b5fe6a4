"""What a key's owner is written about it."""

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
