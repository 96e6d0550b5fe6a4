"""Sign-in of a program without a browser: it shows a code, a person allows it, it fetches a key (RFC 8628).

The key is an API key like any other; its token is made when it is fetched, so that it lies
nowhere in between. It ends after DEVICE_LOGIN_KEY_DAYS; the program renews it before, with a
refresh token that changes each time.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Least
from django.utils import timezone

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.keys import actions, tokens
from portal.keys.actions import CreatedKey
from portal.keys.models import (
    DEVICE_LOGIN_MOVES,
    ApiKey,
    DeviceLogin,
    DeviceLoginStatus,
    RefreshToken,
)
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

# No vowels, digits or look-alikes, as RFC 8628 (6.1) has it: 20 letters, 34 bits.
USER_CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
USER_CODE_LENGTH = 8
CODE_SECONDS = 900
POLL_SECONDS = 5
SLOWER_SECONDS = 5
SECRET_CHARACTERS = 43
# A hall full of people at an event is one address. In IPv6 a single connection has 2^64 of them.
STARTS_MAX, STARTS_SECONDS = 100, 300
IPV6_PREFIX_BITS = 64
# Tries that one person has at typing a code.
GUESSES_MAX, GUESSES_SECONDS = 10, 600
KEEP_DAYS = 7
# Clients renew a key with a day left, so that renewing cuts no download that the old key would have finished.
OVERLAP = timedelta(days=1)

log = structlog.get_logger(__name__)


class OAuthRefusal(Refusal):
    """A refusal whose code is one of OAuth's (RFC 6749, 5.2; RFC 8628, 3.5)."""


@dataclass(frozen=True)
class Started:
    """A sign-in that has begun: the program's secret, and the code that a person types."""

    login: DeviceLogin
    device_code: str

    def __repr__(self) -> str:
        """Name the sign-in, never its secret."""
        return f"<Started {self.login}>"


@dataclass(frozen=True)
class Granted:
    """A key as OAuth gives it: the token to use and the one to renew it with."""

    key: ApiKey
    access_token: str
    refresh_token: str
    expires_in_seconds: int

    def __repr__(self) -> str:
        """Name the key, never the tokens."""
        return f"<Granted {self.key}>"


def start(*, client: str, address: str | None) -> Started:
    """Begin a sign-in. Raises OAuthRefusal 429 when this address, or its IPv6 network, has begun too many."""
    now = timezone.now()
    near = {"address": None} if address is None else {"address__range": _network(address)}
    recent = DeviceLogin.objects.filter(**near, created_at__gt=now - timedelta(seconds=STARTS_SECONDS))
    if recent.count() >= STARTS_MAX:
        raise OAuthRefusal(
            "temporarily_unavailable",
            "Too many sign-ins were begun from your address. Try again in five minutes.",
            status=429,
        )
    device_code = tokens.random_text(SECRET_CHARACTERS)
    login = DeviceLogin.objects.create(
        device_digest=tokens.digest(device_code),
        user_code="".join(secrets.choice(USER_CODE_ALPHABET) for _ in range(USER_CODE_LENGTH)),
        client=client,
        address=address,
        created_at=now,
        expires_at=now + timedelta(seconds=CODE_SECONDS),
        interval_seconds=POLL_SECONDS,
    )
    return Started(login, device_code)


def normalised(typed: str) -> str:
    """What a person typed as a code is stored: capitals, without what stands between them.

    >>> normalised(" bcdf-ghjk ")
    'BCDFGHJK'
    """
    return "".join(character for character in typed.upper() if character.isalnum())


def find(typed: str, *, by: User) -> DeviceLogin:
    """The sign-in that shows this code and waits. Raises Refusal; ten wrong codes make one wait."""
    guesses = f"device-login-guesses:{by.pk}"
    cache.add(guesses, 0, GUESSES_SECONDS)
    if cache.get(guesses, 0) >= GUESSES_MAX:
        raise Refusal("too_many_codes", "Too many wrong codes. Try again in ten minutes.", status=429)
    found = DeviceLogin.objects.filter(user_code=normalised(typed)).first()
    if found is None:
        cache.incr(guesses)
        raise Refusal(
            "unknown_code", "There is no such code. Compare it with what your terminal shows.", status=404
        )
    if found.status != DeviceLoginStatus.PENDING:
        raise Refusal("code_used", "This code has been answered. Your terminal says how it went on.")
    _require_unexpired(found)
    return found


@transaction.atomic
def approve(
    login: DeviceLogin, *, by: User, key_name: str, scopes: Sequence[str], address: str | None = None
) -> None:
    """Let the program have a key of `by`'s.

    Raises Refusal when `by` may have none, for a code that has expired, and for a lost race.
    """
    _require_unexpired(login)
    actions.require_allowed(by)
    move(
        login,
        DeviceLoginStatus.APPROVED,
        moves=DEVICE_LOGIN_MOVES,
        key_name=key_name,
        scopes=list(scopes),
        user=by,
    )
    told = {"key_name": key_name, "scopes": list(scopes), "client": login.client}
    record(Verb.DEVICE_LOGIN_APPROVED, subject=login, by=by, data=told, address=address)


@transaction.atomic
def deny(login: DeviceLogin, *, by: User, address: str | None = None) -> None:
    """Refuse the program. Raises Refusal for a lost race."""
    move(login, DeviceLoginStatus.DENIED, moves=DEVICE_LOGIN_MOVES, user=by)
    record(Verb.DEVICE_LOGIN_DENIED, subject=login, by=by, data={"client": login.client}, address=address)


def fetch(device_code: str, *, address: str | None = None) -> Granted:
    """The key, once it was allowed.

    Raises OAuthRefusal: `authorization_pending`, `slow_down`, `access_denied`,
    `expired_token` or `invalid_grant`.
    """
    login = DeviceLogin.objects.filter(device_digest=tokens.digest(device_code)).first()
    if login is None or login.status == DeviceLoginStatus.FETCHED:
        raise OAuthRefusal("invalid_grant", "There is no such device code.", status=400)
    if login.status == DeviceLoginStatus.DENIED:
        raise OAuthRefusal("access_denied", "The sign-in was denied in the browser.", status=400)
    if login.expires_at <= timezone.now():
        raise OAuthRefusal("expired_token", "The code has expired. Begin again.", status=400)
    if login.status == DeviceLoginStatus.PENDING:
        raise _wait(login)
    with transaction.atomic():
        move(login, DeviceLoginStatus.FETCHED, moves=DEVICE_LOGIN_MOVES)
        assert login.user is not None
        return _grant(login.user, name=login.key_name, scopes=login.scopes, address=address)


def refresh(refresh_token: str, *, address: str | None = None) -> Granted:
    """A new key in the place of one that ends soon; the refresh token is good once.

    Raises OAuthRefusal `invalid_grant`. A token that comes a second time was stolen or is used
    by two, so that every key which came of the same sign-in is revoked (RFC 9700, 4.14.2).
    """
    digest = tokens.digest(refresh_token)
    now = timezone.now()
    with transaction.atomic():
        taken = RefreshToken.objects.filter(digest=digest, used_at=None).update(used_at=now)
        used = RefreshToken.objects.select_related("key__user").filter(digest=digest).first()
        if used is not None and taken and used.key.revoked_at is None:
            return _renewed(used.key, address=address)
    if used is not None and not taken:
        log.warning("refresh_token_reused", key=used.key.public_id, address=address)
        for key in _family(used.key):
            actions.revoke(key, by=None, address=address)
    raise OAuthRefusal(
        "invalid_grant", "This refresh token is not good any more. Sign in again: hf auth login", status=400
    )


def sweep() -> int:
    """Delete sign-ins that are over for a week; return how many. One DELETE."""
    old = timezone.now() - timedelta(days=KEEP_DAYS)
    return DeviceLogin.objects.filter(expires_at__lt=old).delete()[0]


def _wait(login: DeviceLogin) -> OAuthRefusal:
    """Note that the program asked, and tell it to wait; one that asks too often has to wait longer."""
    now = timezone.now()
    interval = timedelta(seconds=login.interval_seconds)
    is_early = login.polled_at is not None and now - login.polled_at < interval - timedelta(seconds=1)
    # Bounded, since a program gone wild would count beyond the column.
    slower = (
        Least(F("interval_seconds") + SLOWER_SECONDS, CODE_SECONDS) if is_early else F("interval_seconds")
    )
    DeviceLogin.objects.filter(pk=login.pk).update(polled_at=now, interval_seconds=slower)
    if is_early:
        return OAuthRefusal("slow_down", "Ask less often.", status=400)
    return OAuthRefusal("authorization_pending", "Nobody has answered yet.", status=400)


def _grant(user: User, *, name: str, scopes: Sequence[str], address: str | None) -> Granted:
    try:
        created = actions.create(user, name=name, scopes=scopes, by=user, expires_at=_end(), address=address)
    except Refusal as refusal:
        raise OAuthRefusal("access_denied", refusal.sentence, status=400) from refusal
    return _granted(created)


def _renewed(old: ApiKey, *, address: str | None) -> Granted:
    try:
        created = actions.rotate(old, overlap=OVERLAP, by=old.user, expires_at=_end(), address=address)
    except Refusal as refusal:
        raise OAuthRefusal("invalid_grant", refusal.sentence, status=400) from refusal
    return _granted(created)


def _granted(created: CreatedKey) -> Granted:
    refresh_token = tokens.random_text(SECRET_CHARACTERS)
    RefreshToken.objects.create(digest=tokens.digest(refresh_token), key=created.key)
    seconds = timedelta(days=settings.DEVICE_LOGIN_KEY_DAYS).total_seconds()
    return Granted(created.key, created.token, refresh_token, int(seconds))


def _end() -> datetime:
    return timezone.now() + timedelta(days=settings.DEVICE_LOGIN_KEY_DAYS)


def _family(key: ApiKey) -> list[ApiKey]:
    """The key, those it came from, and those that came of it. One query a key."""
    older, newer = [key], [key]
    while before := ApiKey.objects.filter(replaced_by=older[-1]).first():
        older.append(before)
    while newer[-1].replaced_by is not None:
        newer.append(newer[-1].replaced_by)
    return [*older[:0:-1], *newer]


def _require_unexpired(login: DeviceLogin) -> None:
    if login.expires_at <= timezone.now():
        raise Refusal(
            "code_expired", "This code has expired. Begin again in your terminal: it shows a new one."
        )


def _network(address: str) -> tuple[str, str]:
    """The first and the last address that count as one asker.

    >>> _network("192.0.2.7"), _network("2001:db8::7")
    (('192.0.2.7', '192.0.2.7'), ('2001:db8::', '2001:db8::ffff:ffff:ffff:ffff'))
    """
    asked = ip_address(address)
    bits = IPV6_PREFIX_BITS if isinstance(asked, IPv6Address) else asked.max_prefixlen
    network = ip_network((asked, bits), strict=False)
    return str(network[0]), str(network[-1])
