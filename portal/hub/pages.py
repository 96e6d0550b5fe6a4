"""The release pages: what there is, what stands between the person and the weights, and how to get them."""

from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from portal.access.deciding import decide, releases_allowed
from portal.access.decision import Action, Decision
from portal.hub import card_pages, links
from portal.hub.checksums import file_path
from portal.hub.commands import check_command, file_commands, revision_commands
from portal.hub.estimates import estimates
from portal.hub.manifests import signature_of
from portal.hub.models import DownloadLink
from portal.hub.shelf import visible_releases
from portal.licensing.conditions import conditions_of
from portal.releases.cards.facts import facts_of
from portal.releases.models import Blob, Release, ReleaseStatus, Revision, WeightFile

FILES_A_PAGE = 500
REVISIONS_SHOWN = 100


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every release that the person may see, those they can use marked. Three queries and the session's."""
    releases = visible_releases(request.user).select_related("licence").order_by("-opened_at", "name")
    usable = set(releases_allowed(request.user, Action.PLAYGROUND).values_list("pk", flat=True))
    shown = [release for release in releases if release.status != ReleaseStatus.WITHDRAWN]
    context = {
        "releases": shown,
        "withdrawn": [release for release in releases if release.status == ReleaseStatus.WITHDRAWN],
        "usable": usable,
    }
    return render(request, "releases/index.html", context)


@require_safe
def release(request: HttpRequest, slug: str, commit: str = "") -> HttpResponse:
    """One release: its card, the checklist, its files and the commands. Up to 28 queries in all.

    `commit` names a revision other than the one that people should take; the number of
    queries is the same for any number of files.
    """
    found = get_object_or_404(visible_releases(request.user).select_related("licence"), slug=slug)
    revision = _revision(found, commit)
    may_try = decide(request.user, found, Action.PLAYGROUND)
    decision = decide(request.user, found, Action.DOWNLOAD)
    # Of one that was withdrawn, the page says what it was and shows none of its files.
    facts = facts_of(found, None if found.status == ReleaseStatus.WITHDRAWN else revision)
    context = {
        "release": found,
        "decision": decision,
        "may_try": may_try.allowed,
        "is_shown_at_event": may_try.allowed and found.status != ReleaseStatus.OPEN,
        "version": facts.version,
        "conditions": conditions_of(facts.version) if facts.version else [],
        "revision": revision,
        "signature": signature_of(found, revision),
        **card_pages.shown(facts),
    }
    if revision is not None:
        context |= _weights(request, revision, decision)
    return render(request, "releases/release.html", context)


@require_safe
def file(request: HttpRequest, slug: str, commit: str, path: str) -> HttpResponse:
    """One file: its checksum, and the commands that fetch it. Up to nine queries and the session's."""
    release = get_object_or_404(visible_releases(request.user).select_related("licence"), slug=slug)
    revision = get_object_or_404(release.revisions, commit=commit)
    revision.release = release
    found = get_object_or_404(_with_damage(revision.files.all()), path=path)
    found.revision = revision
    decision = decide(request.user, release, Action.DOWNLOAD)
    context = {
        "release": release,
        "revision": revision,
        "file": found,
        "url": file_path(found),
        "decision": decision,
        "estimates": estimates(found.size_bytes),
        "commands": file_commands(found) if decision.allowed else [],
        "uses": settings.HUB_LINK_USES,
        "uses_max": links.USES_MAX,
    }
    return render(request, "releases/file.html", context)


def _revision(release: Release, commit: str) -> Revision | None:
    """The revision with that commit id, which must be there; "" for the one that people should take."""
    found = get_object_or_404(release.revisions, commit=commit) if commit else release.current_revision()
    if found is not None:
        found.release = release
    return found


def _weights(request: HttpRequest, revision: Revision, decision: Decision) -> dict[str, Any]:
    """What the page says of a revision: its files, the ways to them, and the person's links."""
    release = revision.release
    paginator = Paginator(_with_damage(revision.files.all()), FILES_A_PAGE)
    page = paginator.get_page(request.GET.get("page"))
    for one in page.object_list:
        one.revision = revision
    here = f"{release.get_absolute_url()}{revision.commit}/files/"
    known: dict[str, Any] = {
        "page": page,
        "files": [
            {"file": one, "url": file_path(one), "page_url": here + quote(one.path)}
            for one in page.object_list
        ],
        "estimates": estimates(revision.total_bytes),
        "revisions": release.revisions.order_by("-frozen_at")[:REVISIONS_SHOWN],
        "sums": check_command(release, revision),
    }
    if decision.allowed:
        known["commands"] = revision_commands(release, revision)
        known["links"] = DownloadLink.objects.visible_to(request.user).of(release).live()
    return known


def _with_damage(files: QuerySet[WeightFile]) -> QuerySet[WeightFile]:
    """The files with `is_damaged`: whether their stored bytes were found to be others."""
    damaged = Blob.objects.out_of_service().filter(sha256=OuterRef("sha256"))
    return files.annotate(is_damaged=Exists(damaged))
