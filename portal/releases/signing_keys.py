"""The key that signs manifests: how it is made, where it lies, and by what id it is known."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from portal.common.refusals import Refusal

FORBIDDEN_MODE = 0o077


class UnusableKey(Refusal):
    """There is a key file, and nothing can be signed with it; the sentence says why."""


@dataclass(frozen=True)
class PublicKey:
    """The public half, for everybody: PEM, and the SHA-256 (hex) of its DER form as its id."""

    key_id: str
    pem: str


def create_key(path: Path) -> PublicKey:
    """Make a P-256 key in the file `path` that only its owner can read.

    Raises Refusal where there is a file already: what it signed would be without its key.
    """
    secret = ec.generate_private_key(ec.SECP256R1())
    pem = secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise Refusal(
            "key_exists", f"There is a key in {path} already. Move it away first, and keep it."
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return _public(secret.public_key())


def current_key() -> PublicKey | None:
    """The public half of the key in SIGNING_KEY_FILE; None when there is no file that this process may read.

    Raises UnusableKey when the file holds something else than the key the signature's format takes.
    """
    path = Path(settings.SIGNING_KEY_FILE)
    try:
        pem = path.read_bytes()
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        return None
    try:
        secret = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableKey(
            "unusable_key", f"{path} holds no private key in PEM without a password."
        ) from error
    if not isinstance(secret, ec.EllipticCurvePrivateKey) or not isinstance(secret.curve, ec.SECP256R1):
        raise UnusableKey("unusable_key", f"The key in {path} is not one of the elliptic curve P-256.")
    return _public(secret.public_key())


def is_readable_by_others(path: Path) -> bool:
    """Whether anybody but its owner may read or change the file; False where there is none."""
    try:
        return bool(path.stat().st_mode & FORBIDDEN_MODE)
    except OSError:
        return False


def _public(key: ec.EllipticCurvePublicKey) -> PublicKey:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(hashlib.sha256(der).hexdigest(), pem.decode())
