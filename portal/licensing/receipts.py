"""Receipts of acceptances: what they state, their signature, and whether one that is shown is genuine."""

import json
from datetime import UTC, datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from portal.common import statements
from portal.common.refusals import Refusal
from portal.common.statements import Signed, UnusableStatementKey
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.licensing.models import Acceptance

TYPE = "licence-acceptance/v1"
PARTS = ("statement", "signature", "key_id")

log = structlog.get_logger(__name__)


class NotGenuine(Refusal):
    """A document is no receipt that this portal signed; the sentence says why."""


def facts_of(acceptance: Acceptance, *, at: datetime | None = None) -> dict[str, Any]:
    """What the statement says, signed at `at` (None: now). Times are in UTC, to the second, in ISO 8601."""
    version = acceptance.version
    return {
        "type": TYPE,
        "reference": acceptance.reference,
        "portal": settings.PORTAL_URL,
        "organisation": settings.ORGANISATION_NAME,
        "person": {"name": acceptance.person_name, "email": acceptance.person_email},
        "licence": {"slug": version.licence.slug, "name": version.licence.name, "version": version.number},
        "text_sha256": acceptance.sha256,
        "accepted_at": _iso(acceptance.accepted_at),
        "client": acceptance.client,
        "signed_at": _iso(at or timezone.now()),
    }


def sign_if_possible(acceptance: Acceptance) -> bool:
    """Put the signed statement on an acceptance that has none, unsaved; whether there was a key to do so."""
    if not acceptance.person_email:
        acceptance.person_name, acceptance.person_email = acceptance.user.name, acceptance.user.email
    try:
        signed = statements.sign(facts_of(acceptance))
    except UnusableStatementKey as error:
        log.error("receipt_not_signed", reference=acceptance.reference, error=error.sentence)  # noqa: TRY400
        return False
    acceptance.statement, acceptance.signature = signed.statement, signed.signature
    acceptance.key_id = signed.key_id
    return True


@transaction.atomic
def ensure_signed(acceptance: Acceptance) -> Acceptance:
    """Sign an acceptance that has no receipt yet, once, whoever asks for it first.

    Raises Refusal 503 when there is no key to sign with.
    """
    if acceptance.statement:
        return acceptance
    related = Acceptance.objects.select_related("user", "version__licence")
    fresh = related.select_for_update(of=("self",)).get(pk=acceptance.pk)
    if fresh.statement:
        return fresh
    if not sign_if_possible(fresh):
        raise Refusal(
            "receipt_not_signed",
            "The receipt cannot be signed at present. What you accepted is recorded; come back later.",
            status=503,
        )
    fresh.save(update_fields=["person_name", "person_email", *PARTS])
    data = {"receipt": fresh.reference, "key_id": fresh.key_id}
    record(Verb.LICENCE_RECEIPT_SIGNED, subject=fresh, by=None, data=data)
    return fresh


def document(acceptance: Acceptance) -> dict[str, str]:
    """The receipt as it is downloaded: the statement's text, its signature, and where the key lies."""
    key = reverse("statement_key_by_id", args=[acceptance.key_id])
    return {name: getattr(acceptance, name) for name in PARTS} | {"public_key": settings.PORTAL_URL + key}


def is_genuine(acceptance: Acceptance) -> bool:
    """Whether a key of this portal signed exactly what is stored."""
    return statements.is_genuine(Signed(acceptance.statement, acceptance.signature, acceptance.key_id))


def checked(text: str, *, pem: str = "") -> dict[str, Any]:
    """The facts of a downloaded receipt, proven by `pem` or else by the public keys on this machine.

    No query. Raises NotGenuine, which says why.
    """
    shown = _object(text, "It is not JSON, so it is no receipt.")
    if any(not isinstance(shown.get(name), str) for name in PARTS):
        raise NotGenuine("no_receipt", f"It lacks one of {', '.join(PARTS)}, so it is no receipt.")
    signed = Signed(*(shown[name] for name in PARTS))
    known = pem or statements.public_key(signed.key_id)
    if not known:
        raise NotGenuine("unknown_key", f"No key of this portal has the id {signed.key_id}.")
    if not statements.verify(signed.statement, signed.signature, known):
        raise NotGenuine(
            "wrong_signature", "The signature is not of this statement: one of the two was changed."
        )
    facts = _object(signed.statement, "What was signed is not JSON.")
    if facts.get("type") != TYPE:
        raise NotGenuine("other_type", f"It is genuine, but no {TYPE}: it is {facts.get('type')}.")
    return facts


def _object(text: str, otherwise: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise NotGenuine("not_json", otherwise) from error
    if not isinstance(found, dict):
        raise NotGenuine("not_json", otherwise)
    return found


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
