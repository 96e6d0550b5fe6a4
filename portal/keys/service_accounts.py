"""What is done to service accounts: they are made, joined, left, handed over and closed.

A service account belongs to an owner, who answers for it and whom its keys' gates ask about.
Its members make, rotate and revoke its keys as the owner does; the keys stay when one leaves.
"""

from functools import partial

from django.core import signing
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.keys import actions, letters, revocations
from portal.keys.models import ApiKey, ServiceAccount
from portal.ledger.actions import record
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb

PAGE = "/keys/accounts/"
ACCOUNTS_MAX = 20
MEMBERS_MAX = 50
INVITATION_SALT = "portal.keys.service_accounts"
INVITATION_SECONDS = 7 * 24 * 3600
INVITED_MAX, INVITED_SECONDS = 20, 24 * 3600


@transaction.atomic
def create(owner: User, *, name: str, purpose: str = "", address: str | None = None) -> ServiceAccount:
    """Make a service account of `owner`'s. Raises Refusal for an account that may have no keys."""
    locked = User.objects.select_for_update().get(pk=owner.pk)
    actions.require_account(locked)
    if ServiceAccount.objects.filter(owner=locked, closed_at=None).count() >= ACCOUNTS_MAX:
        raise Refusal(
            "too_many_service_accounts",
            f"You have {ACCOUNTS_MAX} service accounts, which is as many as one may have. Close one first.",
            remedy=PAGE,
        )
    account = ServiceAccount.objects.create(owner=locked, name=name, purpose=purpose)
    record(
        Verb.SERVICE_ACCOUNT_CREATED, subject=account, by=owner, data={"purpose": purpose}, address=address
    )
    return account


def invite(account: ServiceAccount, *, email: str, by: User) -> None:
    """Mail `email` a link by which whoever has that address joins; it is good for a week.

    Nothing is said of whether there is such an account. Raises Refusal for a closed account,
    and for too many mails in a day.
    """
    _require_owner(account, by)
    name = f"service-account-invitations:{by.pk}"
    cache.add(name, 0, INVITED_SECONDS)
    if cache.incr(name) > INVITED_MAX:
        raise Refusal(
            "too_many_invitations",
            f"You may send {INVITED_MAX} invitations a day. Send the others tomorrow.",
            status=429,
        )
    token = signing.dumps({"account": account.pk, "email": email.lower()}, salt=INVITATION_SALT)
    with transaction.atomic():
        letters.invited(account, email=email, by=by, token=token)


def invitation(token: str, *, user: User) -> ServiceAccount:
    """The service account that `user` may join by `token`. Three queries at most.

    Raises Refusal: `invitation_over`, or `invitation_for_another` for other addresses than the mail's.
    """
    try:
        told = signing.loads(token, salt=INVITATION_SALT, max_age=INVITATION_SECONDS)
    except signing.BadSignature as error:
        raise _over() from error
    account = (
        ServiceAccount.objects.select_related("owner").filter(pk=told["account"], closed_at=None).first()
    )
    if account is None:
        raise _over()
    if user.email.lower() != told["email"] or not user.has_verified_email():
        raise Refusal(
            "invitation_for_another",
            "This invitation went to another address than yours. Sign in with the account of that address, "
            "verified, and open the link again.",
            status=403,
        )
    return account


@transaction.atomic
def join(account: ServiceAccount, *, user: User, address: str | None = None) -> bool:
    """Make `user` a member; False for one who is. Raises Refusal for one member too many."""
    locked = _locked(account)
    if user.pk == locked.owner_id or locked.members.filter(pk=user.pk).exists():
        return False
    if locked.members.count() >= MEMBERS_MAX:
        raise Refusal("too_many_members", f"A service account has {MEMBERS_MAX} members at most.")
    locked.members.add(user)
    _changed(locked, by=user, address=address, joined=user.email)
    return True


@transaction.atomic
def remove(account: ServiceAccount, *, member: User, by: User, address: str | None = None) -> bool:
    """End the membership of `member`: the owner may, and each for themselves. The keys stay."""
    if by.pk != member.pk:
        _require_owner(account, by)
    locked = _locked(account)
    if not locked.members.filter(pk=member.pk).exists():
        return False
    locked.members.remove(member)
    _changed(locked, by=by, address=address, left=member.email)
    return True


def keys_made_by(account: ServiceAccount, member: User) -> list[ApiKey]:
    """The keys of the account that work and that `member` made, and so was shown. Two queries."""
    keys = {str(key.pk): key for key in ApiKey.objects.filter(service_account=account).live()}
    made = Entry.objects.filter(
        verb=Verb.KEY_CREATED,
        actor_id=member.pk,
        subject_type=ApiKey._meta.label_lower,
        subject_id__in=keys,
    )
    return [keys[number] for number in made.order_by("number").values_list("subject_id", flat=True)]


@transaction.atomic
def hand_over(account: ServiceAccount, *, to: User, by: User, address: str | None = None) -> None:
    """Make the member `to` the owner, by mail: the gates of its keys then ask about them, within a second.

    Raises Refusal for somebody who is no member, or may have no keys.
    """
    _require_owner(account, by)
    locked = _locked(account)
    if not locked.members.filter(pk=to.pk).exists():
        raise Refusal("not_a_member", "It can be handed over to a member only. Invite them first.")
    actions.require_account(to)
    keys = ApiKey.objects.filter(service_account=locked)
    for public_id in keys.live().values_list("public_id", flat=True):
        transaction.on_commit(partial(revocations.announce, public_id))
    keys.update(user=to)
    locked.members.remove(to)
    locked.members.add(locked.owner)
    locked.owner = to
    locked.save(update_fields=["owner"])
    _changed(locked, by=by, address=address, owner=to.email)
    letters.handed_over(locked, by=by)


@transaction.atomic
def close(account: ServiceAccount, *, by: User, address: str | None = None) -> bool:
    """End the account and every key of it for good; False when it was closed before."""
    _require_owner(account, by)
    locked = ServiceAccount.objects.select_for_update().get(pk=account.pk)
    if locked.closed_at is not None:
        return False
    keys = list(ApiKey.objects.filter(service_account=locked).live())
    for key in keys:
        actions.revoke(key, by=by, address=address)
    locked.closed_at = timezone.now()
    locked.save(update_fields=["closed_at"])
    record(
        Verb.SERVICE_ACCOUNT_CLOSED, subject=locked, by=by, data={"keys_revoked": len(keys)}, address=address
    )
    return True


def _locked(account: ServiceAccount) -> ServiceAccount:
    found = ServiceAccount.objects.select_for_update(of=("self",)).select_related("owner").get(pk=account.pk)
    if found.closed_at is not None:
        raise Refusal("service_account_closed", "This service account is closed.", remedy=PAGE)
    return found


def _require_owner(account: ServiceAccount, user: User) -> None:
    if account.owner_id != user.pk:
        raise Refusal(
            "not_the_owner", "Only the owner of the service account may do this.", status=403, remedy=PAGE
        )


def _changed(account: ServiceAccount, *, by: User, address: str | None, **facts: str) -> None:
    record(Verb.SERVICE_ACCOUNT_CHANGED, subject=account, by=by, data=facts, address=address)


def _over() -> Refusal:
    return Refusal(
        "invitation_over",
        "This invitation is over, or was cut off on its way. Ask for another.",
        status=410,
    )
