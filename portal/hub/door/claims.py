"""From a request to who asks for which file, with every gate open; or the refusal that names the shut one."""

from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.hub import limits
from portal.hub.callers import reference_of
from portal.hub.door import lookups
from portal.hub.door.request import Request
from portal.hub.door.running import Running
from portal.hub.models import DownloadLink
from portal.keys.authentication import bearer_token, claimed_id, proven_key, require_usable
from portal.keys.models import ApiKey, Scope
from portal.keys.restrictions import require_network, require_release
from portal.releases.models import WeightFile

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Claim:
    """A person who may have a file, and what proved it: a key, a link, or neither but a session."""

    user: User
    file: WeightFile
    key: ApiKey | None = None
    link: DownloadLink | None = None


async def claim_of(running: Running, request: Request) -> Claim:
    """Who asks for what. Raises Refusal."""
    claim = await (_by_link if request.token else _by_name)(running, request)
    # Told with the headers already, since clients show the reason of a refused HEAD best.
    reference = reference_of(claim.key, claim.link)
    if refusal := limits.refuse_bytes(await running.spent.get(claim.user.pk), reference=reference):
        raise refusal
    return claim


async def _by_name(running: Running, request: Request) -> Claim:
    key, user_id = await _caller(running, request)
    grant = _allowed(await running.grants.get((user_id, request.hub_id)))
    if key is not None and key.is_limited_to_releases:
        await running.ask(partial(require_release, key, grant.release))
    file = _allowed(await running.files.get((grant.release, request.revision, request.path)))
    return Claim(grant.user, file, key=key)


async def _by_link(running: Running, request: Request) -> Claim:
    visitor_id = await _visitor(running, request)
    question = (request.token, request.path, visitor_id)
    link = _allowed(await running.ask(partial(lookups.find_link, question)))
    return Claim(link.user, link.file, link=link)


async def _caller(running: Running, request: Request) -> tuple[ApiKey | None, int | None]:
    """The key and its owner, also where there is a session beside it; without a key whoever is signed in."""
    token = bearer_token(request.header("authorization"))
    if not token:
        return None, await _visitor(running, request)
    key = proven_key(token, await running.keys.get(claimed_id(token)))
    require_usable(key, scope=Scope.WEIGHTS)
    require_network(key, request.address)
    return key, key.user_id


async def _visitor(running: Running, request: Request) -> int | None:
    cookies = request.header("cookie")
    return await running.ask(partial(lookups.visitor_of, cookies)) if cookies else None


def _allowed(found: T | Refusal) -> T:
    if isinstance(found, Refusal):
        # It may be remembered and raised again: without this its traceback would grow for ever.
        raise found.with_traceback(None)
    return found
