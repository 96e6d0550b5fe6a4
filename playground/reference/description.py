"""The OpenAPI 3.1 description of the API: https://spec.openapis.org/oas/v3.1.1.html."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache

from django.conf import settings

from playground.reference import account, batches, operations
from playground.reference.fields import JSON
from playground.reference.schemas import schemas

VERSION = "1.0.0"
INTRODUCTION = """\
An API as OpenAI's: any client for it works with this base URL and a key of this portal. The bytes of an
answer are the model server's own, and fields of a request that are not described here pass through to it.

Errors have OpenAI's shape, and a stable `code`; each is explained at {errors}.
"""


@dataclass(frozen=True)
class Told:
    """The description's bytes, and the tag by which a client knows whether they have changed."""

    body: bytes
    etag: str


def document(forwarded: frozenset[bytes]) -> JSON:
    """The description; `forwarded` are the paths that are handed on to model servers."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"The API of {settings.SITE_NAME}",
            "version": VERSION,
            "description": INTRODUCTION.format(errors=f"{settings.PORTAL_URL}/api/errors/"),
        },
        "servers": [{"url": f"{settings.PORTAL_URL}/v1"}],
        "externalDocs": {"url": f"{settings.PORTAL_URL}/api/", "description": "Examples to copy"},
        "security": [{"key": []}],
        "paths": operations.paths(forwarded) | batches.PATHS | account.PATHS,
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "owk_…",
                    "description": f"A key with the scope “inference”, made at {settings.PORTAL_URL}/keys/; "
                    "for /account with the scope “account”.",
                }
            },
            "schemas": schemas() | batches.SCHEMAS | account.SCHEMAS,
            "headers": operations.headers(),
            "responses": operations.responses(),
        },
    }


@cache
def told(forwarded: frozenset[bytes]) -> Told:
    """The description as it is sent."""
    body = json.dumps(document(forwarded), ensure_ascii=False, separators=(",", ":")).encode()
    return Told(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
