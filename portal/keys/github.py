"""Whether a report of leaked keys comes from GitHub.

The protocol is that of GitHub's secret scanning partner program: the body is signed with
ECDSA on P-256 over SHA-256, and the public keys lie at an address of GitHub's API.
https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partnership-program
"""

import base64
import binascii
import json
from http import HTTPStatus
from urllib.error import URLError
from urllib.request import Request, urlopen

import structlog
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.core.cache import cache

from portal.common.refusals import Refusal

REPORTER = "GitHub secret scanning"
FETCH_SECONDS_MAX = 5
ANSWER_BYTES_MAX = 64 * 1024
KEPT_SECONDS = 24 * 3600
# Whoever makes up key ids makes us ask GitHub no oftener than this.
ASKED_EVERY_SECONDS = 60
KEYS, ASKED = "github-scanning-keys", "github-scanning-keys-asked"

log = structlog.get_logger(__name__)


def require_signature(body: bytes, *, key_id: str, signature: str) -> None:
    """Refuse a `body` that the key of GitHub's named `key_id` did not sign (base64 of DER).

    Raises Refusal: `unknown_signing_key` or `bad_signature` (401), `signing_keys_unavailable` (503).
    """
    public_key = _public_key(key_id)
    try:
        public_key.verify(base64.b64decode(signature, validate=True), body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise Refusal("bad_signature", "The signature is not one of this body.", status=401) from error


def _public_key(key_id: str) -> ec.EllipticCurvePublicKey:
    known: dict[str, str] = cache.get(KEYS) or {}
    if key_id not in known and cache.add(ASKED, 1, ASKED_EVERY_SECONDS):
        known = _fetched()
        cache.set(KEYS, known, KEPT_SECONDS)
    if key_id not in known:
        raise Refusal("unknown_signing_key", "GitHub publishes no key of this identifier.", status=401)
    try:
        found = serialization.load_pem_public_key(known[key_id].encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refusal("unknown_signing_key", "GitHub's key cannot be read.", status=401) from error
    if not isinstance(found, ec.EllipticCurvePublicKey):
        raise Refusal("unknown_signing_key", "GitHub's key is of another kind than ECDSA.", status=401)
    return found


def _fetched() -> dict[str, str]:
    """GitHub's public keys (PEM) by identifier, as the address in GITHUB_SCANNING_KEYS_URL lists them."""
    asked = Request(settings.GITHUB_SCANNING_KEYS_URL, headers={"Accept": "application/json"})  # noqa: S310 - a setting
    try:
        with urlopen(asked, timeout=FETCH_SECONDS_MAX) as answer:  # noqa: S310 - the same
            listed = json.loads(answer.read(ANSWER_BYTES_MAX))
        return {str(row["key_identifier"]): str(row["key"]) for row in listed["public_keys"]}
    except (URLError, TimeoutError, OSError, ValueError, KeyError, TypeError) as error:
        log.warning("github_keys_unavailable", error=type(error).__name__)
        cache.delete(ASKED)
        raise Refusal(
            "signing_keys_unavailable",
            "GitHub's public keys cannot be had at present. Send the report again later.",
            status=HTTPStatus.SERVICE_UNAVAILABLE,
        ) from error
