"""What is done to API keys: they are made and revoked, and their usage is added up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.keys import revocations, tokens
from portal.keys.models import REVIEW_PERMISSION, ApiKey, Scope
from portal.ledger.actions import record
from portal.ledger.verbs import Verb


class AlreadyMade(Refusal):
    """The form that asks for this key was sent before."""


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
) -> CreatedKey:
    """Make a key for `user`; `public_id`, when given, is one set aside by the form that asks.

    Raises Refusal for an account that is inactive or unverified, for one key too many, and
    for a scope that does not exist; AlreadyMade when there is a key of that `public_id`.
    """
    # The row lock makes the count below hold against a second form sent at the same time.
    owner = User.objects.select_for_update().get(pk=user.pk)
    require_allowed(owner)
    if Scope.REVIEW in scopes and not owner.has_perm(REVIEW_PERMISSION):
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
    )
    try:
        with transaction.atomic():
            key.save(force_insert=True)
    except IntegrityError as error:
        raise AlreadyMade(
            "key_already_made", "This key was made a moment ago. Make another if you missed it."
        ) from error
    facts = {"public_id": key.public_id, "scopes": key.scopes, "expires_at": expires_at}
    record(Verb.KEY_CREATED, subject=key, by=by, data=facts, address=address)
    return CreatedKey(key=key, token=minted.token)


@transaction.atomic
def revoke(key: ApiKey, *, by: User | None, address: str | None = None) -> bool:
    """End `key` for good, felt at every door within a second; False when it was over before."""
    revoked_at = timezone.now()
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=revoked_at):
        return False
    key.revoked_at = revoked_at
    record(Verb.KEY_REVOKED, subject=key, by=by, data={"public_id": key.public_id}, address=address)
    transaction.on_commit(partial(revocations.announce, key.public_id))
    return True


def require_allowed(owner: User) -> None:
    """Refuse an account that may have no key, or not another. Raises Refusal."""
    if not owner.is_active:
        raise Refusal("account_inactive", "A deactivated account cannot have API keys.", status=403)
    if not owner.has_verified_email():
        raise Refusal(
            "email_verified",
            "Verify your e-mail address first; then you can make API keys.",
            status=403,
            remedy="/accounts/email/",
        )
    if ApiKey.objects.filter(user=owner).live().count() >= settings.LIVE_KEYS_PER_USER:
        raise Refusal(
            "too_many_keys",
            f"You have {settings.LIVE_KEYS_PER_USER} keys that work, which is as many as "
            "one account may have. Revoke one that you no longer use.",
            remedy="/keys/",
        )


def _ordered(scopes: Sequence[str]) -> list[str]:
    """The scopes once each, in the order of their definition."""
    unknown = set(scopes) - set(Scope.values)
    if unknown or not scopes:
        raise Refusal(
            "unknown_scope", f"A key needs one of the scopes {' and '.join(Scope.values)}.", status=400
        )
    return [scope for scope in Scope.values if scope in scopes]
