"""Documents that the portal signs, so that anybody can check them later without it: Ed25519 (RFC 8032).

The keys are files, outside the database, so that whoever can write to the database cannot sign.
A statement is text in the one form of `canonical`; what is signed are its UTF-8 bytes.
"""

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

from portal.common.refusals import Refusal

PRIVATE = "private.pem"
PUBLIC = "public"
ID_CHARACTERS = frozenset("0123456789abcdef")
ID_LENGTH = 64


class UnusableStatementKey(Refusal):
    """Nothing can be signed; the sentence says why."""


@dataclass(frozen=True)
class Signed:
    """A statement with its signature (base64 of 64 bytes) and the id of the key that made it."""

    statement: str
    signature: str
    key_id: str


def canonical(facts: Mapping[str, Any]) -> str:
    """Facts as JSON in one form only: keys in order, no spaces, nothing escaped that need not be.

    >>> canonical({"b": 1, "a": ["é"]})
    '{"a":["é"],"b":1}'
    """
    return json.dumps(
        facts,
        cls=DjangoJSONEncoder,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def digest(statement: str) -> str:
    """The SHA-256 (hex) of a statement's UTF-8 bytes."""
    return hashlib.sha256(statement.encode()).hexdigest()


def sign(facts: Mapping[str, Any]) -> Signed:
    """Sign facts with the current key, which the first signature makes.

    Raises UnusableStatementKey when there is no key and none can be made.
    """
    statement, key = canonical(facts), _private_key()
    signature = base64.b64encode(key.sign(statement.encode())).decode()
    return Signed(statement, signature, _id_of(key.public_key()))


def is_genuine(signed: Signed) -> bool:
    """Whether a key of this portal, the current one or a retired one, signed exactly this statement."""
    pem = public_key(signed.key_id)
    return pem is not None and verify(signed.statement, signed.signature, pem)


@lru_cache(maxsize=4096)
def verify(statement: str, signature: str, pem: str) -> bool:
    """Whether the private half of the public key `pem` made `signature` for `statement`."""
    try:
        key = serialization.load_pem_public_key(pem.encode())
        if not isinstance(key, Ed25519PublicKey):
            return False
        key.verify(base64.b64decode(signature, validate=True), statement.encode())
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm, InvalidSignature):
        return False
    return True


def public_key(key_id: str = "") -> str | None:
    """The PEM of the public key with this id (SHA-256 in hex of its DER form), or of the current one.

    None when there is no such key. Raises UnusableStatementKey as `sign` does when asked for the current one.
    """
    key_id = key_id or _id_of(_private_key().public_key())
    if len(key_id) != ID_LENGTH or not set(key_id) <= ID_CHARACTERS:
        return None
    try:
        pem = (_folder() / PUBLIC / f"{key_id}.pem").read_text()
        is_right = _id_of(serialization.load_pem_public_key(pem.encode())) == key_id
    except (OSError, ValueError, UnsupportedAlgorithm):
        return None
    return pem if is_right else None


def _folder() -> Path:
    return Path(settings.STATEMENT_KEYS)


def _private_key() -> Ed25519PrivateKey:
    path = _folder() / PRIVATE
    try:
        with suppress(FileExistsError):
            if not path.exists():
                _create(path)
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise UnusableStatementKey(
            "no_statement_key",
            f"Nothing can be signed: {path} cannot be read or made ({error.strerror}).",
            status=503,
        ) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableStatementKey(
            "unusable_statement_key", f"{path} holds no private key in PEM without a password.", status=503
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableStatementKey("unusable_statement_key", f"The key in {path} is not Ed25519.", status=503)
    return key


def _create(path: Path) -> None:
    """Make a key whole or not at all, since others may be about to sign. Raises FileExistsError, OSError."""
    secret = Ed25519PrivateKey.generate()
    public = path.parent / PUBLIC
    public.mkdir(parents=True, exist_ok=True, mode=0o755)
    pem = secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_name(f".{PRIVATE}.{os.getpid()}.{_id_of(secret.public_key())[:12]}")
    # Before the private half, so that nothing is ever signed by a key that nobody can check.
    (public / f"{_id_of(secret.public_key())}.pem").write_bytes(_pem(secret.public_key()))
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink()


def _pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _id_of(key: Any) -> str:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()
