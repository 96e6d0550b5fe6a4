"""Who asks at the hub's door: the bearer of a key, or the person signed in to the browser."""

from dataclasses import dataclass

from django.http import HttpRequest

from portal.access.facts import Person
from portal.accounts.models import User
from portal.common.requests import client_address, client_name
from portal.hub.models import DownloadLink
from portal.keys.authentication import bearer_token, find_key
from portal.keys.models import ApiKey, Scope


@dataclass(frozen=True)
class Caller:
    """A person, who may be anonymous, and the key they came with."""

    user: Person
    key: ApiKey | None


def caller_of(request: HttpRequest, *, or_scope: Scope | None = None) -> Caller:
    """Who asks. A key that is sent counts, also beside a session.

    It is one for weights, or for `or_scope` where that will do. Raises KeyRefusal for any other.
    """
    token = bearer_token(request.headers.get("Authorization", ""))
    if not token:
        return Caller(request.user, None)
    address, client = client_address(request), client_name(request)
    key = find_key(token, scope=Scope.WEIGHTS, or_scope=or_scope, address=address, client=client)
    return Caller(key.user, key)


def reference_of(key: ApiKey | None, link: DownloadLink | None = None) -> str:
    """What a person may quote about a request: the key's prefix or the link's public id; "" for a session."""
    if link is not None:
        return f"link {link.public_id}"
    return key.prefix if key is not None else ""


def hub_name(user: User) -> str:
    """What stands for a user name in the Hub's JSON; accounts here are named by an e-mail address only."""
    return user.email.partition("@")[0]
