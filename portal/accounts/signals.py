"""allauth's signals, written to the ledger."""

from typing import Any

from allauth.account import signals
from allauth.account.models import EmailAddress
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from portal.accounts.models import User
from portal.common.requests import client_address
from portal.ledger.actions import record
from portal.ledger.verbs import Verb


@receiver(signals.user_signed_up)
def on_signed_up(request: HttpRequest, user: User, **_: Any) -> None:
    """A new account."""
    with transaction.atomic():
        record(Verb.ACCOUNT_CREATED, subject=user, by=user, address=client_address(request))


@receiver(signals.email_confirmed)
def on_email_confirmed(request: HttpRequest, email_address: EmailAddress, **_: Any) -> None:
    """An address proved to be its owner's."""
    with transaction.atomic():
        record(
            Verb.EMAIL_VERIFIED,
            subject=email_address.user,
            by=email_address.user,
            address=client_address(request),
        )


@receiver([signals.password_changed, signals.password_reset, signals.password_set])
def on_password_changed(request: HttpRequest, user: User, **_: Any) -> None:
    """A new password, however it was set."""
    with transaction.atomic():
        record(Verb.PASSWORD_CHANGED, subject=user, by=user, address=client_address(request))
