"""The signed manifests of revisions and the keys that prove them, for verification without the portal."""

import shlex
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.hub.shelf import visible_releases
from portal.releases import signing
from portal.releases.models import Manifest, Release, Revision

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PEM_TYPE = "application/x-pem-file"
# A rotation must reach people who verify within the hour.
KEY_SECONDS = 3600


@dataclass(frozen=True)
class Signature:
    """What the release page says of a revision's signature; `commands` is a shell script."""

    key_id: str
    signed_at: datetime
    bundle_url: str
    key_url: str
    commands: str


@require_safe
def bundle(request: HttpRequest, slug: str, commit: str) -> HttpResponse:
    """The signature of a revision, to whoever may see the release's page. Two queries and the session's."""
    release = get_object_or_404(visible_releases(request.user), slug=slug)
    manifest = get_object_or_404(Manifest, revision__release=release, revision__commit=commit)
    headers = {"Content-Disposition": 'attachment; filename="model.sig"', "Cache-Control": "no-cache"}
    return HttpResponse(manifest.bundle, content_type=BUNDLE_TYPE, headers=headers)


@require_safe
def public_key(_: HttpRequest, key_id: str = "") -> HttpResponse:
    """The public key with this id (SHA-256 in hex of its DER form), or the current one."""
    key = signing.published_key(key_id)
    if key is None:
        raise Http404("No such key signed anything here.")
    headers = {"Cache-Control": f"public, max-age={KEY_SECONDS}"}
    return HttpResponse(key.pem, content_type=PEM_TYPE, headers=headers)


def signature_of(release: Release, revision: Revision | None) -> Signature | None:
    """The signature of `revision` and how to verify it; None while there is none. One query."""
    manifest = Manifest.objects.filter(revision=revision).first() if revision else None
    if manifest is None or revision is None:
        return None
    bundle_url = settings.PORTAL_URL + reverse("releases:bundle", args=[release.slug, revision.commit])
    key_url = settings.PORTAL_URL + reverse("signing_key_by_id", args=[manifest.key_id])
    folder = shlex.quote(release.hub_id.rpartition("/")[2])
    commands = (
        f"hf download {release.hub_id} --revision {revision.commit} --local-dir {folder}\n"
        f"curl -fsS -o model.sig {shlex.quote(bundle_url)}\n"
        f"curl -fsS -o portal.pub {shlex.quote(key_url)}\n"
        "pip install model-signing\n"
        f"model_signing verify key --signature model.sig --public_key portal.pub {folder}"
    )
    return Signature(manifest.key_id, manifest.signed_at, bundle_url, key_url, commands)
