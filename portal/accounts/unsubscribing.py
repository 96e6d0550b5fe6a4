"""Doing without mails that one may do without: a link that works without signing in, and the choice."""

from django.core import signing
from django.db import transaction
from django.urls import reverse

from portal.accounts.models import User
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

_SIGNER = signing.Signer(salt="portal.accounts.unsubscribing")


def path_for(user: User) -> str:
    """The page on which `user` chooses; whoever has the mail may, so it opens nothing else."""
    return reverse("unsubscribe", args=[_SIGNER.sign_object(user.pk)])


def user_of(token: str) -> User | None:
    """Whose page a token is; None for one that was made up. One query."""
    try:
        return User.objects.filter(pk=_SIGNER.unsign_object(token)).first()
    except signing.BadSignature:
        return None


@transaction.atomic
def choose_receipts(user: User, *, wanted: bool, address: str | None = None) -> bool:
    """Send mails that only confirm what the person did, or do not; False when it was so already."""
    if not User.objects.filter(pk=user.pk, wants_receipts=not wanted).update(wants_receipts=wanted):
        return False
    user.wants_receipts = wanted
    record(Verb.ACCOUNT_MAIL_CHOSEN, subject=user, by=user, data={"wanted": wanted}, address=address)
    return True
