"""Accepting a licence."""

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.common import mail
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.licensing import receipts
from portal.licensing.actions.publishing import locked
from portal.licensing.models import Acceptance, Licence


class NewerVersion(Refusal):
    """The text that was agreed to is not the one in force any more."""


@transaction.atomic
def accept(
    licence: Licence, *, by: User, sha256: str, address: str | None = None, client: str = ""
) -> Acceptance:
    """Record that `by` accepts the text in force, of which they were shown the one with `sha256`.

    The acceptance is signed, as its receipt. Accepting the same version again returns the first
    acceptance and records nothing.

    Raises Refusal for an account that is inactive or whose address is unverified, and
    NewerVersion when the text in force is another one.
    """
    _require_able(by)
    # The lock keeps a new version from being published between the look and the record.
    version = locked(licence).current_version()
    if version is None or version.sha256 != sha256:
        raise NewerVersion(
            "newer_version",
            "A newer version was published while you were reading. Read this one and decide again.",
            remedy=licence.get_absolute_url(),
        )
    found = Acceptance.objects.filter(user=by, version=version).first()
    if found is not None:
        return found
    acceptance = Acceptance(
        user=by,
        version=version,
        sha256=sha256,
        accepted_at=timezone.now(),
        address=address or None,
        client=client,
        person_name=by.name,
        person_email=by.email,
    )
    receipts.sign_if_possible(acceptance)
    acceptance.save()
    facts = {
        "licence": licence.slug,
        "number": version.number,
        "sha256": sha256,
        "receipt": acceptance.reference,
    }
    record(Verb.LICENCE_ACCEPTED, subject=acceptance, by=by, data=facts, address=address)
    _send_receipt(acceptance)
    return acceptance


def _require_able(user: User) -> None:
    if not user.is_active:
        raise Refusal("account_active", "A deactivated account cannot accept a licence.", status=403)
    if not user.has_verified_email():
        raise Refusal(
            "email_verified",
            "Verify your e-mail address first, so that the receipt reaches you.",
            status=403,
            remedy="/accounts/email/",
        )


def _send_receipt(acceptance: Acceptance) -> None:
    version = acceptance.version
    mail.send(
        "licence_accepted",
        to=acceptance.user.email,
        subject=f"You accepted {version}",
        context={"acceptance": acceptance, "version": version, "name": acceptance.user.name},
    )
