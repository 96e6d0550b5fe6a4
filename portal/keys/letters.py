"""What a key's owner is written about it."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from portal.accounts.models import User
from portal.common import mail
from portal.keys.models import ApiKey, LeakReport, ServiceAccount

if TYPE_CHECKING:
    from portal.keys.alerts import Alert


def key_made(key: ApiKey, *, address: str | None, by: User | None) -> None:
    """Tell the owner that there is a new key, so that one they did not make is noticed; after the commit."""
    mail.send(
        "key_made",
        to=key.user.email,
        subject=f"A new API key: {key.name}",
        context={
            "key": key,
            "person": key.user,
            "address": address,
            "maker": by if by != key.user else None,
            "account": key.service_account,
        },
    )


def key_used_elsewhere(key: ApiKey, *, use_at: datetime, address: str, client: str) -> None:
    """Tell the owner that a key was used from a network for the first time; after the commit."""
    mail.send(
        "key_used_elsewhere",
        to=key.user.email,
        subject=f"Your API key “{key.name}” was used from a new network",
        context={"key": key, "person": key.user, "use_at": use_at, "address": address, "client": client},
    )


def key_leaked(key: ApiKey, *, receipt: LeakReport) -> None:
    """Tell the owner that a key was seen in public and is revoked; after the commit."""
    mail.send(
        "key_leaked",
        to=key.user.email,
        subject=f"Your API key “{key.name}” was found in public and is revoked",
        context={"key": key, "person": key.user, "receipt": receipt},
    )


def budget_used(alert: "Alert", person: User) -> None:
    """Tell a person, or one of the staff, that a budget runs out or is used up; after the commit."""
    period = "in total" if alert.day is None else "a day"
    state = "is used up" if alert.is_end else f"is used to {alert.used_percent} %"
    anew_at = alert.day and datetime.combine(alert.day + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
    mail.send(
        "budget_used",
        to=person.email,
        subject=f"{alert.watched.whose}: the limit of tokens {period} {state}",
        context={
            "alert": alert,
            "whose": alert.watched.whose,
            "person": person,
            "period": period,
            "anew_at": anew_at,
            "is_shared": alert.watched.user_id is None,
        },
    )


def key_revoked(key: ApiKey, *, reason: str) -> None:
    """Tell the owner that staff ended a key, and why; after the commit."""
    mail.send(
        "key_revoked",
        to=key.user.email,
        subject=f"Your API key “{key.name}” is revoked",
        context={"key": key, "person": key.user, "reason": reason},
    )


def invited(account: ServiceAccount, *, email: str, by: User, token: str) -> None:
    """Invite whoever has this address to a service account; after the commit."""
    mail.send(
        "service_account_invited",
        to=email,
        subject=f"{by.name} invites you to the service account “{account.name}”",
        context={"account": account, "inviter": by, "token": token},
    )


def handed_over(account: ServiceAccount, *, by: User) -> None:
    """Tell the new owner that they answer for a service account from now on; after the commit."""
    mail.send(
        "service_account_handed_over",
        to=account.owner.email,
        subject=f"You own the service account “{account.name}” now",
        context={"account": account, "person": account.owner, "former": by},
    )
