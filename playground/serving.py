"""Where a release is served: the address of its model server, and the key that server wants."""

from dataclasses import dataclass

from django.conf import settings

from portal.releases.models import Release, Revision


@dataclass(frozen=True)
class Backend:
    """Where a release's model is served, and the key that server wants."""

    base_url: str
    api_key: str = ""


def backend_of(release: Release, revision: Revision | None = None) -> Backend:
    """Where `release`, or one of its revisions, is served. The portal's key goes to its own server only."""
    if revision is not None and revision.backend_url:
        return Backend(revision.backend_url.rstrip("/"))
    if release.backend_url:
        return Backend(release.backend_url.rstrip("/"))
    return Backend(settings.VLLM_BASE_URL, settings.VLLM_API_KEY)
