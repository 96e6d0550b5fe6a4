"""Links that are mailed and stored only as a hash, and the address that they are good for."""

import hashlib
import secrets

from allauth.account.models import EmailAddress

from portal.accounts.models import User

TOKEN_BYTES = 32


def new_token() -> str:
    """A token for a link; it stands in the mail alone."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> str:
    """What is stored of a token. It is random and long, so that no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def verified_addresses(user: User) -> set[str]:
    """Every address that the person proved to be theirs, in lower case. One query."""
    rows = EmailAddress.objects.filter(user=user, verified=True)
    return {email.lower() for email in rows.values_list("email", flat=True)}
