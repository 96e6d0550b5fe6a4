"""What everybody may see of a release's safety: the policy, the results, who signed, and how to check it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from portal.hub.shelf import visible_releases
from portal.releases.models import Evaluation, Release, SafetyPolicy, SignOff, StatedModel
from portal.releases.safety.clearing import clearance_of

DIGEST_LENGTH = 64


@require_safe
def safety(request: HttpRequest, slug: str) -> HttpResponse:
    """The safety of what a release gives out. Eight queries and the session's."""
    release = get_object_or_404(visible_releases(request.user).select_related("licence"), slug=slug)
    revision = release.current_revision()
    context: dict[str, Any] = {
        "release": release,
        "revision": revision,
        "policy": SafetyPolicy.objects.in_force().first(),
        "clearance": clearance_of(release, revision),
    }
    if revision is not None:
        context |= {
            "evaluations": list(revision.evaluations.all()),
            "sign_offs": list(revision.sign_offs.filter(withdrawn_at=None)),
        }
    return render(request, "releases/safety.html", context)


@require_safe
def statement(request: HttpRequest, slug: str, digest: str) -> HttpResponse:
    """One signed statement with its signature, as JSON. Four queries at most and the session's."""
    release = get_object_or_404(visible_releases(request.user), slug=slug)
    found = _stated(release, digest)
    if found is None:
        raise Http404("Nothing with this digest was stated of this release.")
    facts = {
        "statement": found.statement,
        "signature": found.signature,
        "key_id": found.key_id,
        "public_key": f"/.well-known/portal-statements/{found.key_id}.pem",
    }
    return JsonResponse(facts, headers={"Cache-Control": "no-cache"})


def _stated(release: Release, digest: str) -> StatedModel | None:
    if len(digest) != DIGEST_LENGTH:
        return None
    of_it = {"revision__release": release}
    evaluations, sign_offs = Evaluation.objects.filter(**of_it), SignOff.objects.filter(**of_it)
    for rows in (evaluations, sign_offs, SafetyPolicy.objects.all()):
        found: StatedModel | None = rows.filter(digest=digest).first()
        if found is not None:
            return found
    return None
