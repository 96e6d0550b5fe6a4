"""Publishing a version, at once or on a day, and taking it off that day again."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.licensing import telling
from portal.licensing.actions.drafting import NotADraft, require_draft, require_terms
from portal.licensing.conditions import is_same_licence, terms_sha256
from portal.licensing.models import Licence, LicenceVersion, Reacceptance
from portal.licensing.standing import grace_end
from portal.licensing.tasks import send_notices

# Nobody plans further, and a typing error in the year would be found too late.
AHEAD_MAX = timedelta(days=366)


@transaction.atomic
def publish_version(
    version: LicenceVersion,
    *,
    by: User | None,
    sha256: str = "",
    terms: str = "",
    at: datetime | None = None,
    address: str | None = None,
) -> LicenceVersion:
    """Put `version` into force for good, now or at the time `at`; from now on nothing of it changes.

    Who accepted an earlier version is told by mail. `sha256` is the hash of the text that the publisher
    read and `terms` the `terms_sha256` of all they read ("" to trust the caller).

    Raises NotADraft when it is published or scheduled already, and Refusal when the draft changed
    meanwhile, is empty, is the very licence that is in force then, or when `at` has passed.
    """
    licence = locked(version.licence)
    fresh = LicenceVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    fresh.licence = licence
    require_draft(fresh)
    _require_unchanged(fresh, sha256=sha256, terms=terms)
    _require_publishable(fresh, at=at)
    now = timezone.now()
    fresh.sha256 = fresh.text_sha256()
    fresh.published_at, fresh.scheduled_at = at or now, now if at else None
    fresh.grace_ends_at = _grace_end(fresh)
    names = ("sha256", "published_at", "scheduled_at", "grace_ends_at")
    fresh.save(update_fields=names)
    for name in names:
        setattr(version, name, getattr(fresh, name))
    told_count = telling.announce(fresh)
    transaction.on_commit(send_notices.delay, robust=True)
    verb = Verb.LICENCE_VERSION_SCHEDULED if at else Verb.LICENCE_VERSION_PUBLISHED
    record(verb, subject=fresh, by=by, data=_facts(fresh) | {"told": told_count}, address=address)
    return version


@transaction.atomic
def unschedule_version(
    version: LicenceVersion, *, by: User | None, address: str | None = None
) -> LicenceVersion:
    """Take a version off its day, so that it is a draft again; who was told of the day is told.

    Raises NotADraft when it is in force already, and Refusal when no day is set.
    """
    licence = locked(version.licence)
    fresh = LicenceVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    fresh.licence = licence
    if fresh.published_at is None:
        raise Refusal("not_scheduled", f"{fresh} has no day on which it comes into force.")
    if not fresh.is_scheduled():
        raise NotADraft("published", f"{fresh} is in force and cannot be taken back. Draft another version.")
    facts = _facts(fresh)
    told_count = telling.call_off(fresh)
    transaction.on_commit(send_notices.delay, robust=True)
    empty = {"published_at": None, "scheduled_at": None, "grace_ends_at": None}
    LicenceVersion.objects.filter(pk=fresh.pk).update(**empty)
    for name in empty:
        setattr(version, name, None)
    data = facts | {"told": told_count}
    record(Verb.LICENCE_VERSION_UNSCHEDULED, subject=fresh, by=by, data=data, address=address)
    return version


def locked(licence: Licence) -> Licence:
    """The licence, with no other version published nor any accepted until the transaction ends."""
    return Licence.objects.select_for_update(no_key=True).get(pk=licence.pk)


def _require_unchanged(version: LicenceVersion, *, sha256: str, terms: str) -> None:
    if (sha256 and sha256 != version.sha256) or (terms and terms != terms_sha256(version)):
        raise Refusal("draft_changed", "Somebody changed this draft since you read it. Read it again first.")


def _require_publishable(version: LicenceVersion, *, at: datetime | None) -> None:
    now = timezone.now()
    if at is not None and not now < at < now + AHEAD_MAX:
        raise Refusal("time_past", "Choose a time that is to come, within a year, or publish it at once.")
    if not version.text.strip():
        raise Refusal("empty_text", f"{version} has no text yet. Write it before you publish it.")
    require_terms(version)
    current = version.licence.current_version(at=at)
    if current is not None and is_same_licence(current, version):
        when = "will be" if current.is_scheduled() else "is"
        raise Refusal("same_text", f"{version} has the very text of {current}, which {when} in force.")


def _grace_end(version: LicenceVersion) -> datetime | None:
    if version.reacceptance == Reacceptance.NOBODY or version.published_at is None:
        return None
    return grace_end(version.published_at, days=version.grace_days)


def _facts(version: LicenceVersion) -> dict[str, object]:
    named = version.reacceptance_before
    return {
        "licence": version.licence.slug,
        "number": version.number,
        "sha256": version.sha256,
        "terms_sha256": terms_sha256(version),
        "published_at": version.published_at,
        "asked_again": version.reacceptance,
        "unless_accepted_since": named.number if named else None,
        "grace_ends_at": version.grace_ends_at,
    }
