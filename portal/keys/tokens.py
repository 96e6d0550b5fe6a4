"""The shape of a key's token: how one is made, recognised without a database, and proved.

A token is `owk_<public id>_<secret><checksum>`, all base62. The public id finds the row,
the secret proves the bearer, and the checksum (CRC-32 of everything before it, as in
GitHub's tokens) lets a scanner or a client tell a mistyped token offline.
"""

import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass

from django.conf import settings

PREFIX = "owk"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PUBLIC_ID_LENGTH = 12
# 32 characters of 62 are 190 bits.
SECRET_LENGTH = 32
# Six characters of 62 hold any CRC-32.
CHECKSUM_LENGTH = 6
TOKEN = re.compile(
    rf"{PREFIX}_([0-9A-Za-z]{{{PUBLIC_ID_LENGTH}}})_[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}"
)


@dataclass(frozen=True)
class Minted:
    """A token at its birth, the only time that it is known in full."""

    token: str
    public_id: str

    def __repr__(self) -> str:
        """Say which key it is; the token itself must not slip into a log by way of a traceback."""
        return f"<Minted {PREFIX}_{self.public_id}_…>"


def new_public_id() -> str:
    """A fresh public id."""
    return random_text(PUBLIC_ID_LENGTH)


def mint(*, public_id: str | None = None) -> Minted:
    """Make a fresh token, for `public_id` when one was set aside before."""
    identity = public_id or new_public_id()
    body = f"{PREFIX}_{identity}_{random_text(SECRET_LENGTH)}"
    return Minted(token=body + checksum(body), public_id=identity)


def parse(token: str) -> str | None:
    """The public id within `token`, or None when its shape or checksum is wrong. No I/O.

    >>> parse("owk_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef12Zfb5")
    '0123456789ab'
    >>> parse("owk_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdeg12Zfb5") is None
    True
    >>> parse("sk-not-one-of-ours") is None
    True
    """
    found = TOKEN.fullmatch(token)
    body, given = token[:-CHECKSUM_LENGTH], token[-CHECKSUM_LENGTH:]
    if found is None or checksum(body) != given:
        return None
    return found[1]


def checksum(body: str) -> str:
    """The CRC-32 of `body` in six base62 characters, zeros first.

    >>> checksum("")
    '000000'
    >>> checksum("owk_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef")
    '12Zfb5'
    """
    number, characters = zlib.crc32(body.encode()), []
    for _ in range(CHECKSUM_LENGTH):
        number, remainder = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[remainder])
    return "".join(reversed(characters))


def digest(token: str) -> str:
    """What is stored of a token: its HMAC-SHA256 (hex) under `settings.KEY_PEPPER`."""
    return hmac.digest(settings.KEY_PEPPER.encode(), token.encode(), "sha256").hex()


def proves(token: str, *, against: str) -> bool:
    """Whether `token` is the one whose digest is `against`; takes the same time for every wrong token."""
    return hmac.compare_digest(digest(token), against)


def random_text(length: int) -> str:
    """So many random base62 characters, each worth almost six bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
