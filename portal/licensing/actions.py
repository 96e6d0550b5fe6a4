"""What is done to licences: they are drafted, published for good, and accepted."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.common import mail
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.licensing.models import Acceptance, Licence, LicenceVersion

SUMMARY_FIELDS = tuple(
    f"{name}{ending}"
    for name in ("commercial_use", "redistribution", "modification", "attribution")
    for ending in ("", "_note")
)


class NewerVersion(Refusal):
    """The text that was agreed to is not the one in force any more."""


class NotADraft(Refusal):
    """The version is published, so that nothing of it may change."""


@transaction.atomic
def create_licence(*, slug: str, name: str, by: User | None, address: str | None = None) -> Licence:
    """Make a licence without any text: nobody can accept it yet.

    Raises Refusal when the slug is taken.
    """
    try:
        with transaction.atomic():
            licence = Licence.objects.create(slug=slug, name=name)
    except IntegrityError as error:
        raise Refusal("slug_taken", f"There is a licence at /licences/{slug}/ already.") from error
    record(Verb.LICENCE_CREATED, subject=licence, by=by, address=address)
    return licence


@transaction.atomic
def draft_version(
    licence: Licence, *, number: str, text: str, changes: str = "", **summary: Any
) -> LicenceVersion:
    """Write the draft `number` of `licence`, or rewrite it; `summary` holds any of SUMMARY_FIELDS.

    A draft binds nobody and leaves no ledger entry; its publication does, with the hash.
    Line ends become plain newlines, so that a browser's form and a file on disk give one hash.

    Raises NotADraft when `number` is published.
    """
    if unknown := set(summary) - set(SUMMARY_FIELDS):
        raise TypeError(f"No such part of a summary: {', '.join(sorted(unknown))}")
    version = licence.versions.select_for_update().filter(number=number).first() or LicenceVersion(
        licence=licence, number=number
    )
    _require_draft(version)
    version.text = text.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"
    version.sha256 = version.text_sha256()
    version.changes = changes
    for name, value in summary.items():
        setattr(version, name, value)
    version.save()
    return version


@transaction.atomic
def discard_draft(version: LicenceVersion) -> None:
    """Throw a draft away. Raises NotADraft when it has been published."""
    fresh = LicenceVersion.objects.select_for_update().get(pk=version.pk)
    _require_draft(fresh)
    fresh.delete()


@transaction.atomic
def publish_version(
    version: LicenceVersion, *, by: User | None, sha256: str = "", address: str | None = None
) -> LicenceVersion:
    """Put `version` into force, for good: from now on everybody is asked to accept this text.

    `sha256` is the hash of the text that the publisher read ("" to trust the caller).

    Raises NotADraft when it is published already, and Refusal when the draft changed
    meanwhile, is empty, or has the text that is in force.
    """
    licence = _locked(version.licence)
    fresh = LicenceVersion.objects.select_for_update().get(pk=version.pk)
    _require_draft(fresh)
    current = licence.current_version()
    if not fresh.text.strip():
        raise Refusal("empty_text", f"{fresh} has no text yet. Write it before you publish it.")
    if sha256 and sha256 != fresh.sha256:
        raise Refusal("draft_changed", "Somebody changed this draft since you read it. Read it again first.")
    if current is not None and current.sha256 == fresh.sha256:
        raise Refusal("same_text", f"{fresh} has the very text of {current}, which is in force.")
    version.sha256 = fresh.sha256 = fresh.text_sha256()
    version.published_at = fresh.published_at = timezone.now()
    fresh.save(update_fields=["sha256", "published_at"])
    facts = {"licence": licence.slug, "number": fresh.number, "sha256": fresh.sha256}
    record(Verb.LICENCE_VERSION_PUBLISHED, subject=fresh, by=by, data=facts, address=address)
    return version


@transaction.atomic
def accept(
    licence: Licence, *, by: User, sha256: str, address: str | None = None, client: str = ""
) -> Acceptance:
    """Record that `by` accepts the text in force, of which they were shown the one with `sha256`.

    Accepting the same version again returns the first acceptance and records nothing.

    Raises Refusal for an account that is inactive or whose address is unverified, and
    NewerVersion when the text in force is another one.
    """
    _require_able(by)
    # The lock keeps a new version from being published between the look and the record.
    version = _locked(licence).current_version()
    if version is None or version.sha256 != sha256:
        raise NewerVersion(
            "newer_version",
            "A newer version was published while you were reading. Read this one and decide again.",
            remedy=licence.get_absolute_url(),
        )
    acceptance, is_new = Acceptance.objects.get_or_create(
        user=by,
        version=version,
        defaults={"sha256": sha256, "address": address or None, "client": client},
    )
    if is_new:
        facts = {"licence": licence.slug, "number": version.number, "sha256": sha256}
        record(Verb.LICENCE_ACCEPTED, subject=acceptance, by=by, data=facts, address=address)
        _send_receipt(acceptance)
    return acceptance


def _locked(licence: Licence) -> Licence:
    return Licence.objects.select_for_update(no_key=True).get(pk=licence.pk)


def _require_draft(version: LicenceVersion) -> None:
    if version.published_at is not None:
        raise NotADraft(
            "published",
            f"{version} was published on {version.published_at:%-d %B %Y} and cannot change. "
            "Draft a version with another number.",
        )


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
