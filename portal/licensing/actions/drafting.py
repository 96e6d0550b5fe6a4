"""Licences and their drafts."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.licensing.conditions import TERM_FIELDS
from portal.licensing.models import Licence, LicenceVersion, Reacceptance
from portal.licensing.spdx import require_spdx

# What else lies at the address of a licence.
TAKEN_SLUGS = frozenset({"new", "receipts"})


class NotADraft(Refusal):
    """The version is published, or its day is set, so that nothing of it may change."""


@transaction.atomic
def create_licence(*, slug: str, name: str, by: User | None, address: str | None = None) -> Licence:
    """Make a licence without any text: nobody can accept it yet.

    Raises Refusal when the slug is taken.
    """
    taken = Refusal("slug_taken", f"There is something at /licences/{slug}/ already. Choose another address.")
    if slug in TAKEN_SLUGS:
        raise taken
    try:
        with transaction.atomic():
            licence = Licence.objects.create(slug=slug, name=name)
    except IntegrityError as error:
        raise taken from error
    record(Verb.LICENCE_CREATED, subject=licence, by=by, address=address)
    return licence


@transaction.atomic
def draft_version(
    licence: Licence, *, number: str, text: str, changes: str = "", **terms: Any
) -> LicenceVersion:
    """Write the draft `number` of `licence`, or rewrite it; `terms` holds any of TERM_FIELDS.

    A draft binds nobody and leaves no ledger entry; its publication does, with the hash.
    Line ends become plain newlines, so that a browser's form and a file on disk give one hash.

    Raises NotADraft when `number` is published or scheduled, and Refusal for terms that cannot be.
    """
    if unknown := set(terms) - set(TERM_FIELDS):
        raise TypeError(f"No such part of a draft: {', '.join(sorted(unknown))}")
    version = licence.versions.select_for_update().filter(number=number).first() or LicenceVersion(
        licence=licence, number=number
    )
    require_draft(version)
    version.text = text.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"
    version.sha256 = version.text_sha256()
    version.changes = changes
    for name, value in terms.items():
        setattr(version, name, value)
    if version.reacceptance != Reacceptance.BEFORE:
        version.reacceptance_before = None
    require_terms(version)
    version.save()
    return version


@transaction.atomic
def discard_draft(version: LicenceVersion) -> None:
    """Throw a draft away. Raises NotADraft when it has been published, or is to be."""
    fresh = LicenceVersion.objects.select_for_update().get(pk=version.pk)
    require_draft(fresh)
    fresh.delete()


def require_draft(version: LicenceVersion) -> None:
    """Raise NotADraft unless everything of `version` may change."""
    if version.published_at is None:
        return
    if version.is_scheduled():
        raise NotADraft(
            "scheduled",
            f"{version} comes into force on {version.published_at:%-d %B %Y} and cannot change. "
            "Take it off its day first.",
        )
    raise NotADraft(
        "published",
        f"{version} was published on {version.published_at:%-d %B %Y} and cannot change. "
        "Draft a version with another number.",
    )


def require_terms(version: LicenceVersion) -> None:
    """Raise Refusal for terms that contradict themselves."""
    if version.reacceptance == Reacceptance.BEFORE:
        named = version.reacceptance_before
        if named is None or named.licence_id != version.licence_id or not _is_in_force_or_was(named):
            raise Refusal(
                "no_version_named",
                "Choose the published version of this licence from which on an acceptance still counts.",
            )
    if version.spdx:
        try:
            require_spdx(version.spdx)
        except ValidationError as error:
            raise Refusal("not_spdx", error.messages[0]) from error


def _is_in_force_or_was(version: LicenceVersion) -> bool:
    return version.published_at is not None and not version.is_scheduled()
