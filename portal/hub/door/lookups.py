"""What the door asks the database: who comes, whether the gates are open, and which bytes are meant.

These run in threads. A refusal is an answer here, not raised, so that it can be remembered.
"""

from dataclasses import dataclass
from importlib import import_module

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.cookie import parse_cookie

from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.hub import links
from portal.hub.errors import Denied
from portal.hub.models import DownloadLink
from portal.hub.shelf import find_file, find_release, find_revision, no_entry
from portal.hub.warnings import warnings
from portal.keys.authentication import require_usable
from portal.keys.models import ApiKey, Scope
from portal.keys.restrictions import require_network, require_release
from portal.releases import scrubbing
from portal.releases.models import Release, Revision, WeightFile
from portal.releases.safety.clearing import clearance_of


@dataclass(frozen=True, slots=True)
class Grant:
    """Somebody to whom the gates of a release are open."""

    user: User
    release: Release


@dataclass(frozen=True, slots=True)
class Hold:
    """What a running download rests on; as soon as one part falls, it ends."""

    user_id: int
    release_id: int
    sha256: str
    key_id: int | None
    link_id: int | None
    address: str


def find_key(public_id: str) -> ApiKey | None:
    """The key of that public id, unproven. One query."""
    return ApiKey.objects.filter(public_id=public_id).first()


def visitor_of(cookies: str) -> int | None:
    """Who is signed in with these cookies, as Django finds them. Two queries at most."""
    session_key = parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)
    if not session_key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    found = auth.get_user(request)
    return found.pk if isinstance(found, User) else None


def admit(question: tuple[int | None, str]) -> Grant | Refusal:
    """Whether the person (None: a stranger) may download this release. Eleven queries at most."""
    user_id, hub_id = question
    user = User.objects.filter(pk=user_id).first() if user_id is not None else None
    try:
        release = find_release(user or AnonymousUser(), hub_id)
    except Refusal as refusal:
        return refusal
    decision = decide(user or AnonymousUser(), release, Action.DOWNLOAD)
    if user is None or not decision.allowed:
        return Denied.by(decision)
    return Grant(user, release)


def find(question: tuple[Release, str, str]) -> WeightFile | Refusal:
    """The file at a path of a clear revision, unless it is out of service. Six queries at most."""
    release, revision_name, path = question
    try:
        revision = find_revision(release, revision_name)
        revision.release = release
        file = find_file(revision, path)
    except Refusal as refusal:
        return refusal
    file.revision = revision
    if (shut := _not_clear(revision)) is not None:
        return shut
    return out_of_service(file) if scrubbing.is_untrusted(file.sha256) else file


def find_link(question: tuple[str, str, int | None]) -> DownloadLink | Refusal:
    """The link that a token proves to this visitor, if its file has that name and the gates are open."""
    token, name, visitor_id = question
    try:
        visitor = User.objects.get(pk=visitor_id) if visitor_id is not None else None
        link = links.find(token, visitor=visitor)
    except Refusal as refusal:
        return refusal
    if name != link.file.path.rpartition("/")[2]:
        return no_entry(link.file.revision)
    revision = link.file.revision
    decision = decide(link.user, revision.release, Action.DOWNLOAD, revision=revision)
    if not decision.allowed:
        return Denied.by(decision)
    return out_of_service(link.file) if scrubbing.is_untrusted(link.file.sha256) else link


def warn(question: tuple[User, ApiKey | None, WeightFile]) -> list[str]:
    """What the client should be told beside the file."""
    user, key, file = question
    return warnings(release=file.revision.release, revision=file.revision, key=key, user=user)


def shut(holds: list[Hold]) -> dict[Hold, Refusal]:
    """Those of `holds` that hold no more, and why. Some ten queries for each."""
    found = {hold: _shut(hold) for hold in holds}
    return {hold: refusal for hold, refusal in found.items() if refusal is not None}


def out_of_service(file: WeightFile) -> Refusal:
    """The answer for a file whose stored bytes are not what was registered."""
    return Refusal(
        "file_out_of_service",
        f"{file.path} is out of service: its stored bytes are not what was registered. "
        "Try again later, or write to the organisation.",
        status=503,
    )


def _not_clear(revision: Revision) -> Refusal | None:
    """Why nobody gets this revision of an open release; what is given out by name was judged by `admit`."""
    clearance = clearance_of(revision.release, revision)
    if clearance.is_clear:
        return None
    return Refusal("safety", clearance.shut_sentence(revision.release.name), status=403)


def _shut(hold: Hold) -> Refusal | None:
    try:
        release = Release.objects.get(pk=hold.release_id)
        if hold.key_id is not None:
            key = ApiKey.objects.get(pk=hold.key_id)
            require_usable(key, scope=Scope.WEIGHTS)
            require_network(key, hold.address)
            require_release(key, release)
        decide(User.objects.get(pk=hold.user_id), release, Action.DOWNLOAD).require()
    except Refusal as refusal:
        return refusal
    except (ApiKey.DoesNotExist, User.DoesNotExist):
        return Refusal("unknown_key", "The key or its account is gone.", status=401)
    revoked = DownloadLink.objects.filter(revoked_at__isnull=False)
    if hold.link_id is not None and revoked.filter(pk=hold.link_id).exists():
        return Refusal("link_revoked", "The link was revoked.", status=403)
    if scrubbing.is_untrusted(hold.sha256):
        return Refusal("file_out_of_service", "The file was found damaged.", status=503)
    return None
