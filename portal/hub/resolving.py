"""The pages that tell a person in a browser why a file is not theirs; the files themselves are the door's."""

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.hub import limits, links
from portal.hub.callers import caller_of
from portal.hub.errors import Denied, hub_door
from portal.hub.shelf import find_file, find_release, find_revision
from portal.keys.restrictions import require_release


@require_safe
@hub_door
def refused_file(
    request: HttpRequest, organisation: str, model: str, revision: str, path: str
) -> HttpResponseBase:
    """Say why the file is refused. Up to 18 queries."""
    caller = caller_of(request)
    release = find_release(caller.user, f"{organisation}/{model}")
    decision = decide(caller.user, release, Action.DOWNLOAD)
    if not decision.allowed:
        raise Denied.by(decision)
    if caller.key is not None:
        require_release(caller.key, release)
    found = find_revision(release, revision)
    decide(caller.user, release, Action.DOWNLOAD, revision=found).require()
    find_file(found, path)
    raise _no_longer(caller.user)


@require_safe
@hub_door
def refused_link(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """Say why the link is refused. Up to 14 queries."""
    del name
    link = links.find(token, visitor=request.user if isinstance(request.user, User) else None)
    revision = link.file.revision
    decision = decide(link.user, revision.release, Action.DOWNLOAD, revision=revision)
    if not decision.allowed:
        raise Denied.by(decision)
    raise _no_longer(link.user)


def _no_longer(user: object) -> Refusal:
    """What is left when every gate is open: too much was downloaded, or the door knows more in a moment."""
    assert isinstance(user, User), "decide lets no stranger through"
    taken = limits.spent(user.pk)
    return (
        limits.refuse_bytes(taken)
        or limits.refuse_another(taken)
        or Refusal("try_again", "This file cannot be had at the moment. Try again in a minute.", status=503)
    )
