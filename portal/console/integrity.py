"""The staff's pages that keep weights trustworthy: damaged files are checked again, revisions yanked."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import filesizeformat
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.sessions import current_user
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.releases.integrity_tasks import check_blob
from portal.releases.models import Blob, Release, Revision, WeightFile
from portal.releases.reasons import REASON_CHARACTERS_MAX
from portal.releases.yanking import successor, yank

MANAGE = "releases.manage_release"


@dataclass(frozen=True)
class Damage:
    """A blob that is out of service, and the files of one release that lie idle with it."""

    blob: Blob
    files: list[WeightFile]


class YankForm(forms.Form):
    """Why nobody should start with a revision any more."""

    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=REASON_CHARACTERS_MAX,
        help_text="Shown on the release's page and in the terminals of those who download it.",
        error_messages={"required": "Say why, and what to use instead: people will read it."},
    )


@require_http_methods(["GET", "POST"])
@staff_with(MANAGE)
def yank_revision(request: HttpRequest, slug: str, commit: str) -> HttpResponse:
    """Ask whether a revision shall be yanked, for which reason, and yank it."""
    release = get_object_or_404(Release, slug=slug)
    revision = get_object_or_404(release.revisions, commit=commit)
    form = YankForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        instead = yank(revision, reason=reason, by=current_user(request), address=client_address(request))
        messages.success(request, _outcome(revision, instead))
        return redirect("console:release", slug)
    context = {"release": release, "revision": revision, "form": form, "instead": successor(revision)}
    status = INVALID if request.method == "POST" else 200
    return render(request, "console/releases/yank.html", context, status=status)


@require_POST
@staff_with(MANAGE)
def check_again(request: HttpRequest, slug: str, sha256: str) -> HttpResponse:
    """Have a worker read a stored file of the release again; the page shows the outcome when it is known."""
    release = get_object_or_404(Release, slug=slug)
    blob = get_object_or_404(Blob.objects.of_release(release), pk=sha256)
    check_blob.delay(sha256=blob.sha256, by_id=current_user(request).pk, address=client_address(request))
    size = filesizeformat(blob.size_bytes)
    messages.info(request, f"{size} are being read again. Reload this page for the outcome.")
    return redirect("console:release", slug)


def damages_of(release: Release) -> list[Damage]:
    """What of `release` is out of service, as pages tell it. Two queries, one while all is well."""
    blobs = list(Blob.objects.of_release(release).out_of_service().order_by("damaged_at"))
    if not blobs:
        return []
    named = WeightFile.objects.filter(revision__release=release, sha256__in=[blob.pk for blob in blobs])
    files = list(named.select_related("revision").order_by("-revision__frozen_at", "path"))
    return [Damage(blob, [file for file in files if file.sha256 == blob.pk]) for blob in blobs]


def damaged_releases() -> QuerySet[Release]:
    """The releases with any file out of service."""
    damaged = Blob.objects.out_of_service().values("pk")
    return Release.objects.filter(revisions__files__sha256__in=damaged).distinct()


def _outcome(revision: Revision, instead: Revision | None) -> str:
    short = revision.commit[:12]
    if instead is not None:
        return f"{short} is yanked. “{instead.name}” is {instead.commit[:12]} again."
    if revision.is_current:
        return f"{short} is yanked. It stays “{revision.name}” until you import its successor."
    return f"{short} is yanked."
