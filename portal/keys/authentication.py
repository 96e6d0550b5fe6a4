"""Who holds a token: the one lookup behind every door that takes an API key."""

from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from portal.keys import tasks, tokens
from portal.keys.models import ApiKey, Scope
from portal.keys.networks import network_of
from portal.keys.refusals import KeyRefusal
from portal.keys.restrictions import require_network

# A write a minute is plenty for "last used", and keeps a busy key from writing at every request.
LAST_USE_RESOLUTION = timedelta(minutes=1)


def bearer_token(authorization: str) -> str:
    """The token in an Authorization header (RFC 6750, section 2.1), or "" when it holds none.

    >>> bearer_token("Bearer owk_abc"), bearer_token("bearer  owk_abc "), bearer_token("Basic eHk=")
    ('owk_abc', 'owk_abc', '')
    """
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def find_key(
    token: str,
    *,
    scope: Scope,
    or_scope: Scope | None = None,
    address: str = "",
    client: str = "",
    at: datetime | None = None,
) -> ApiKey:
    """The live key that `token` proves, its user loaded; one query, and at most one UPDATE a minute.

    The key has `scope`, or `or_scope` where that is given. `address` and `client` (User-Agent)
    are the caller's; a key with networks of its own is refused where the address is not known.

    Whether that user may do anything is `portal.access.decide`'s question, not this one's.

    Raises KeyRefusal with the code `missing_key`, `malformed_key`, `unknown_key`,
    `revoked_key`, `expired_key` (401), `wrong_scope` or `network_not_allowed` (403).
    """
    public_id = claimed_id(token)
    key = ApiKey.objects.filter(public_id=public_id).select_related("user").first()
    proven = proven_key(token, key)
    needed = or_scope if or_scope is not None and or_scope in proven.scopes else scope
    require_usable(proven, scope=needed, at=at)
    require_network(proven, address)
    note_use(proven, address=address, client=client, at=at)
    return proven


def claimed_id(token: str) -> str:
    """The public id that `token` claims. No I/O.

    Raises KeyRefusal: `missing_key` or `malformed_key`.
    """
    if not token:
        raise KeyRefusal(
            "missing_key",
            "Send an API key in the Authorization header, as “Bearer owk_…”. Make one under Keys.",
        )
    public_id = tokens.parse(token)
    if public_id is None:
        raise KeyRefusal(
            "malformed_key",
            "This is not a whole API key of this portal. Copy it again, from owk_ to its end.",
        )
    return public_id


def proven_key(token: str, key: ApiKey | None) -> ApiKey:
    """`key`, if `token` is its own. A wrong secret and an unknown id give one and the same answer.

    Raises KeyRefusal: `unknown_key`.
    """
    # The digest is computed in either case, so that time does not tell which ids exist.
    is_proven = tokens.proves(token, against=key.digest if key else "0" * 64)
    if key is None or not is_proven:
        raise KeyRefusal(
            "unknown_key", "No such API key. It may belong to another portal; make one under Keys."
        )
    return key


def require_usable(key: ApiKey, *, scope: Scope, at: datetime | None = None) -> None:
    """Refuse a proven key that is over, or not made for `scope`.

    Raises KeyRefusal: `revoked_key`, `expired_key` or `wrong_scope`.
    """
    moment = at or timezone.now()
    if key.revoked_at is not None:
        raise KeyRefusal(
            "revoked_key",
            f"This API key was revoked on {key.revoked_at:%-d %B %Y}. Make a new one under Keys.",
            reference=key.prefix,
        )
    if key.expires_at is not None and key.expires_at <= moment:
        raise KeyRefusal(
            "expired_key",
            f"This API key expired on {key.expires_at:%-d %B %Y}. Make a new one under Keys.",
            reference=key.prefix,
        )
    if scope not in key.scopes:
        raise KeyRefusal(
            "wrong_scope",
            f"This API key may not be used to {scope.in_a_sentence}. Make one with that scope under Keys.",
            status=403,
            reference=key.prefix,
        )


def note_use(key: ApiKey, *, address: str = "", client: str = "", at: datetime | None = None) -> None:
    """Remember that `key` was used at `at`, to the minute: one conditional UPDATE, or none.

    A use from another network than the last is remembered at once, and looked at by a worker.
    """
    moment = at or timezone.now()
    is_elsewhere = network_of(address) not in ("", network_of(key.last_used_address or ""))
    if is_elsewhere:
        told = partial(tasks.note_network.delay, key_id=key.pk, address=address, client=client)
        transaction.on_commit(told, robust=True)
    if is_elsewhere or key.last_used_at is None or key.last_used_at < moment - LAST_USE_RESOLUTION:
        before = moment if is_elsewhere else moment - LAST_USE_RESOLUTION
        ApiKey.objects.filter(pk=key.pk).used_before(before).update(
            last_used_at=moment, last_used_address=address or None, last_used_client=client
        )
