"""What of the releases a person may see, and how the Hub's names are looked up."""

from django.db.models import Exists, OuterRef, Q

from portal.access.facts import Person
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.common.storable import is_storable
from portal.events.models import Registration
from portal.releases.models import SHOWABLE, Release, ReleaseQuerySet, Revision, WeightFile


class NotThere(Refusal):
    """Nothing of that name, for this person; `code` is what the Hub's clients choose their error by.

    `commit` names the revision that was searched, "" before there was one: clients cache
    the absence of a file under it.
    """

    commit = ""


def visible_releases(user: Person) -> ReleaseQuerySet:
    """The releases whose page `user` may read, as one query.

    Everybody: those open, or withdrawn after having been open. Holders of an event pass:
    the event's prototypes while it lasts. Those who manage releases: all.
    """
    public = Release.objects.public()
    if not isinstance(user, User):
        return public
    if user.has_perm("releases.manage_release"):
        return Release.objects.all()
    passes = Registration.objects.passes().filter(user=user, event__prototypes=OuterRef("pk"))
    shown = Q(Exists(passes), is_event_prototype=True, status__in=SHOWABLE)
    return Release.objects.filter(Q(pk__in=public.values("pk")) | shown)


def find_release(user: Person, hub_id: str) -> Release:
    """The release with this Hub id. Raises NotThere alike when it is missing and when it is hidden."""
    found = None
    if is_askable(hub_id):
        found = visible_releases(user).select_related("licence", "card").filter(hub_id=hub_id).first()
    if found is None:
        raise NotThere("RepoNotFound", "Repository not found", status=404)
    return found


def find_revision(release: Release, name: str) -> Revision:
    """The current revision of that name, or any with that commit id. Raises NotThere."""
    found = None
    if is_askable(name):
        named = Q(name=name, is_current=True) | Q(commit=name)
        found = release.revisions.filter(named).first()
    if found is None:
        raise NotThere("RevisionNotFound", f"Invalid rev id: {name}", status=404)
    return found


def find_file(revision: Revision, path: str) -> WeightFile:
    """The file at exactly this path: a path is a name to look up, never one to follow. Raises NotThere."""
    found = revision.files.filter(path=path).first() if is_askable(path) else None
    if found is None:
        raise no_entry(revision)
    return found


def files_below(revision: Revision, folder: str) -> list[WeightFile]:
    """The files in `folder` and below, by path; "" is the whole revision. None where it is not there."""
    if not folder:
        return list(revision.files.all())
    return list(revision.files.filter(path__startswith=f"{folder}/")) if is_askable(folder) else []


def no_entry(revision: Revision) -> NotThere:
    """The answer for a path that `revision` does not have."""
    missing = NotThere("EntryNotFound", "Entry not found", status=404)
    missing.commit = revision.commit
    return missing


def is_askable(name: str) -> bool:
    """Whether PostgreSQL takes the text at all: it refuses NUL and lone surrogates."""
    return is_storable(name)
