"""The release pages: what there is, what stands between the person and the weights, and how to get them."""

import shlex

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.access.deciding import decide, releases_allowed
from portal.access.decision import Action
from portal.hub.manifests import signature_of
from portal.hub.shelf import visible_releases
from portal.releases.models import Release, ReleaseStatus, Revision, WeightFile


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
def release(request: HttpRequest, slug: str) -> HttpResponse:
    """One release: its card, the checklist, its files and the commands. Up to thirteen queries."""
    found = get_object_or_404(visible_releases(request.user).select_related("licence"), slug=slug)
    revision = found.current_revision()
    files = list(revision.files.all()) if revision else []
    may_try = decide(request.user, found, Action.PLAYGROUND)
    context = {
        "release": found,
        "decision": decide(request.user, found, Action.DOWNLOAD),
        "may_try": may_try.allowed,
        "is_shown_at_event": may_try.allowed and found.status != ReleaseStatus.OPEN,
        "version": found.licence.current_version(),
        "revision": revision,
        "files": [{"file": file, "url": download_path(found, revision, file)} for file in files if revision],
        "commands": _commands(found, revision, files),
        "signature": signature_of(found, revision),
    }
    return render(request, "releases/release.html", context)


def download_path(release: Release, revision: Revision, file: WeightFile) -> str:
    """Where a browser gets the file: by its commit, so that the page and the bytes cannot disagree."""
    organisation, _, model = release.hub_id.partition("/")
    return reverse("hub:resolve", args=[organisation, model, revision.commit, file.path])


def _commands(release: Release, revision: Revision | None, files: list[WeightFile]) -> dict[str, str]:
    """Commands to copy; the file that curl fetches is the largest one, which most people want."""
    if revision is None or not files:
        return {}
    largest = max(files, key=lambda file: file.size_bytes)
    organisation, _, model = release.hub_id.partition("/")
    url = settings.PORTAL_URL + reverse(
        "hub:resolve", args=[organisation, model, revision.name, largest.path]
    )
    name = shlex.quote(largest.path.rpartition("/")[2])
    wanted = "" if revision.name == "main" else f" --revision {revision.name}"
    return {
        "curl": f'curl -L -H "Authorization: Bearer $KEY" \\\n  -o {name} \\\n  {shlex.quote(url)}',
        "hf": (
            f"export HF_ENDPOINT={settings.PORTAL_URL}/hub\n"
            "export HF_TOKEN=$KEY\n"
            f"hf download {release.hub_id}{wanted}"
        ),
    }
