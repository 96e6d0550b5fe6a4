"""What is done to API keys: they are made, changed, rotated and revoked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import REVIEW
from portal.common.prepared import prepared
from portal.common.refusals import Refusal
from portal.keys import letters, revocations, tokens
from portal.keys.models import ApiKey, KeyNetwork, Scope, ServiceAccount
from portal.keys.networks import network_of
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Release


class AlreadyMade(Refusal):
    """The form that asks for this key, or for the rotation of one, was sent before."""


@dataclass(frozen=True)
class CreatedKey:
    """A new key and its token, which is shown once and is nowhere else."""

    key: ApiKey
    token: str

    def __repr__(self) -> str:
        """Name the key, never the token."""
        return f"<CreatedKey {self.key}>"


@transaction.atomic
def create(
    user: User,
    *,
    name: str,
    scopes: Sequence[str],
    by: User | None,
    expires_at: datetime | None = None,
    public_id: str | None = None,
    address: str | None = None,
    note: str = "",
    networks: Sequence[str] = (),
    releases: Sequence[Release] | None = None,
    beside: ApiKey | None = None,
    service_account: ServiceAccount | None = None,
) -> CreatedKey:
    """Make a key for `user`; `public_id`, when given, is one set aside by the form that asks.

    A key of a `service_account` is its owner's, whoever of its members makes it.

    `networks` (CIDR notation, none: from anywhere) and `releases` (None: all that are open to
    the owner) limit its use. `beside` is the key in whose place it comes, which does not count
    towards the most that one may have. The owner is mailed.

    Raises Refusal for an account that is inactive or unverified, for one key too many, and
    for a scope that does not exist; AlreadyMade when there is a key of that `public_id`.
    """
    # The row lock makes the count below hold against a second form sent at the same time.
    owner = User.objects.select_for_update().get(pk=user.pk)
    require_allowed(owner, beside=beside)
    if Scope.REVIEW in scopes and not owner.has_perm(REVIEW):
        raise Refusal(
            "not_a_reviewer", "Only reviewers can have a key that administers access requests.", status=403
        )
    minted = tokens.mint(public_id=public_id)
    key = ApiKey(
        user=owner,
        name=name,
        public_id=minted.public_id,
        digest=tokens.digest(minted.token),
        scopes=_ordered(scopes),
        expires_at=expires_at,
        note=note,
        networks=list(networks),
        is_limited_to_releases=releases is not None,
        service_account=service_account,
    )
    try:
        with transaction.atomic():
            key.save(force_insert=True)
    except IntegrityError as error:
        raise AlreadyMade(
            "key_already_made", "This key was made a moment ago. Make another if you missed it."
        ) from error
    key.releases.set(releases or [])
    if network := network_of(address or ""):
        # Where it is made is no new network.
        KeyNetwork.objects.create(key=key, network=network, first_used_at=key.created_at)
    facts: dict[str, object] = {
        "public_id": key.public_id,
        "scopes": key.scopes,
        "expires_at": expires_at,
        **_limits_of(key),
    }
    if service_account is not None:
        facts["service_account"] = service_account.name
    record(Verb.KEY_CREATED, subject=key, by=by, data=facts, address=address)
    letters.key_made(key, address=address, by=by)
    return CreatedKey(key=key, token=minted.token)


def playground_key_id(user: User) -> int:
    """The id under which the use of a person's playground is counted; the row is made when first needed."""
    if known := _playground_keys.first(user_id=user.pk):
        return known
    row, _ = ApiKey.every.get_or_create(
        user=user,
        is_playground=True,
        defaults={
            "name": "Playground",
            "public_id": f"playground-{user.pk}"[:16],
            "digest": "",
            "scopes": [],
        },
    )
    return int(row.pk)


@prepared
def _playground_keys(*, user_id: int) -> QuerySet[ApiKey, int]:
    return ApiKey.every.filter(user=user_id, is_playground=True).values_list("pk", flat=True)


@transaction.atomic
def revoke(key: ApiKey, *, by: User | None, address: str | None = None, reason: str = "") -> bool:
    """End `key` for good, felt at every door within a second; False when it was over before.

    Where somebody gives a `reason`, the owner is mailed it.
    """
    revoked_at = timezone.now()
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=revoked_at):
        return False
    key.revoked_at = revoked_at
    facts = {"public_id": key.public_id, **({"reason": reason} if reason else {})}
    record(Verb.KEY_REVOKED, subject=key, by=by, data=facts, address=address)
    if reason:
        letters.key_revoked(key, reason=reason)
    transaction.on_commit(partial(revocations.announce, key.public_id))
    return True


@transaction.atomic
def change(
    key: ApiKey,
    *,
    name: str,
    note: str,
    by: User | None,
    networks: Sequence[str] = (),
    releases: Sequence[Release] | None = None,
    address: str | None = None,
) -> bool:
    """Give `key` another name, note and limits, felt within a second; False when all are as they were.

    `networks` and `releases` are as in `create`.
    """
    changed = ApiKey.objects.select_for_update().get(pk=key.pk)
    before = (changed.name, changed.note, _limits_of(changed))
    changed.name, changed.note, changed.networks = name, note, list(networks)
    changed.is_limited_to_releases = releases is not None
    changed.releases.set(releases or [])
    if before == (name, note, _limits_of(changed)):
        return False
    changed.save(update_fields=["name", "note", "networks", "is_limited_to_releases"])
    facts = {"public_id": changed.public_id, **_limits_of(changed)}
    record(Verb.KEY_CHANGED, subject=changed, by=by, data=facts, address=address)
    transaction.on_commit(partial(revocations.announce, changed.public_id))
    return True


@transaction.atomic
def rotate(
    key: ApiKey,
    *,
    overlap: timedelta,
    by: User | None,
    expires_at: datetime | None = None,
    address: str | None = None,
) -> CreatedKey:
    """Make a key with the settings of `key`, which itself goes on for `overlap` and no longer.

    Without `expires_at` it works as long as `key` was made to work, counted from now.

    Raises Refusal as `create` does, and for a key that is over; AlreadyMade for one that was rotated before.
    """
    old = ApiKey.objects.select_for_update(of=("self",)).select_related("service_account").get(pk=key.pk)
    if old.replaced_by_id is not None:
        raise AlreadyMade(
            "key_already_rotated",
            "That key was rotated before, and its new key exists. A key is shown only once: "
            "if you did not copy it, rotate the new one.",
        )
    if not old.is_live:
        raise Refusal("key_over", "This key is over. Make a new one.", remedy="/keys/new/")
    now = timezone.now()
    if expires_at is None and old.expires_at is not None:
        expires_at = now + (old.expires_at - old.created_at)
    created = create(
        old.user,
        name=old.name,
        scopes=old.scopes,
        by=by,
        expires_at=expires_at,
        address=address,
        note=old.note,
        networks=old.networks,
        releases=list(old.releases.all()) if old.is_limited_to_releases else None,
        beside=old,
        service_account=old.service_account,
    )
    KeyNetwork.objects.bulk_create(
        (
            KeyNetwork(key=created.key, network=known.network, first_used_at=known.first_used_at)
            for known in old.used_networks.all()
        ),
        ignore_conflicts=True,
    )
    ends_at = now + overlap
    old.replaced_by, old.expires_at = created.key, min(old.expires_at or ends_at, ends_at)
    old.save(update_fields=["replaced_by", "expires_at"])
    facts = {
        "public_id": created.key.public_id,
        "replaces": old.public_id,
        "overlap_s": overlap.total_seconds(),
    }
    record(Verb.KEY_ROTATED, subject=created.key, by=by, data=facts, address=address)
    # What was remembered of the old key knows nothing of its end.
    transaction.on_commit(partial(revocations.announce, old.public_id))
    return created


def require_account(owner: User) -> None:
    """Refuse an account that may have no key at all. Raises Refusal."""
    if not owner.is_active:
        raise Refusal("account_inactive", "A deactivated account cannot have API keys.", status=403)
    if not owner.has_verified_email():
        raise Refusal(
            "email_verified",
            "Verify your e-mail address first; then you can make API keys.",
            status=403,
            remedy="/accounts/email/",
        )


def require_allowed(owner: User, *, beside: ApiKey | None = None) -> None:
    """Refuse an account that may have no key, or not another. Raises Refusal."""
    require_account(owner)
    others = ApiKey.objects.filter(user=owner).live()
    if beside is not None:
        others = others.exclude(pk=beside.pk)
    if others.count() >= settings.LIVE_KEYS_PER_USER:
        raise Refusal(
            "too_many_keys",
            f"You have {settings.LIVE_KEYS_PER_USER} keys that work, which is as many as "
            "one account may have. Revoke one that you no longer use.",
            remedy="/keys/",
        )


def _limits_of(key: ApiKey) -> dict[str, object]:
    """A key's limits as the ledger tells them. One query at most."""
    slugs = sorted(key.releases.values_list("slug", flat=True)) if key.is_limited_to_releases else None
    return {"networks": key.networks, "releases": slugs}


def _ordered(scopes: Sequence[str]) -> list[str]:
    """The scopes once each, in the order of their definition."""
    unknown = set(scopes) - set(Scope.values)
    if unknown or not scopes:
        raise Refusal(
            "unknown_scope", f"A key needs one of the scopes {' and '.join(Scope.values)}.", status=400
        )
    return [scope for scope in Scope.values if scope in scopes]
