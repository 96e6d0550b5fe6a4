"""The staff's pages of licences: who accepted which version, drafts, and publishing one."""

from django.contrib import messages
from django.db.models import Count, F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.sessions import current_user
from portal.common.requests import client_address
from portal.console.gatekeeping import staff_with
from portal.licensing import actions
from portal.licensing.actions import SUMMARY_FIELDS
from portal.licensing.forms import DraftForm, LicenceForm
from portal.licensing.models import Licence, LicenceVersion

PUBLISH = "licensing.publish_licence"


@require_safe
@staff_with(PUBLISH)
def index(request: HttpRequest) -> HttpResponse:
    """Every licence with the version in force. Two queries and the session's."""
    licences = Licence.objects.prefetch_related("versions").order_by("name")
    rows = [{"licence": one, "versions": list(one.versions.all())} for one in licences]
    return render(request, "console/licences/index.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@staff_with(PUBLISH)
def new(request: HttpRequest) -> HttpResponse:
    """Make a licence; its first version is drafted next."""
    form = LicenceForm(request.POST or None)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "console/licences/new.html", {"form": form}, status=status)
    made = actions.create_licence(
        **form.cleaned_data, by=current_user(request), address=client_address(request)
    )
    return redirect("console:draft", made.slug)


@require_safe
@staff_with(PUBLISH)
def licence(request: HttpRequest, slug: str) -> HttpResponse:
    """One licence: its versions, newest first, each with how many people accepted it."""
    found = get_object_or_404(Licence, slug=slug)
    versions = found.versions.annotate(accepted_count=Count("acceptances")).order_by(
        F("published_at").desc(nulls_first=True), "-pk"
    )
    context = {"licence": found, "versions": versions, "current": found.current_version()}
    return render(request, "console/licences/licence.html", context)


@require_http_methods(["GET", "POST"])
@staff_with(PUBLISH)
def draft(request: HttpRequest, slug: str, number: str = "") -> HttpResponse:
    """Write a draft, or go on with one; a new one begins with the text that is in force."""
    found = get_object_or_404(Licence, slug=slug)
    if number:
        version = get_object_or_404(found.versions, number=number, published_at=None)
        form = DraftForm(request.POST or None, instance=version, licence=found)
    else:
        form = DraftForm(request.POST or None, initial=_from(found.current_version()), licence=found)
    if not form.is_valid():
        context = {"form": form, "licence": found, "number": number}
        return render(request, "console/licences/draft.html", context, status=422 if form.is_bound else 200)
    written = actions.draft_version(found, **form.drafted())
    messages.success(request, f"Draft {written.number} is saved. Nobody sees it until you publish it.")
    return redirect("console:publish", found.slug, written.number)


@require_http_methods(["GET", "POST"])
@staff_with(PUBLISH)
def publish(request: HttpRequest, slug: str, number: str) -> HttpResponse:
    """Show a draft as people will see it, ask, and put it into force."""
    version = get_object_or_404(
        LicenceVersion.objects.select_related("licence"), licence__slug=slug, number=number
    )
    if request.method == "POST":
        actions.publish_version(
            version,
            by=current_user(request),
            sha256=request.POST.get("sha256", "") or "-",
            address=client_address(request),
        )
        messages.success(request, f"{version} is in force. Everybody is asked to accept it.")
        return redirect("console:licence", slug)
    if version.published_at is not None:
        return redirect(version.get_absolute_url())
    current = version.licence.current_version()
    context = {
        "version": version,
        "current": current,
        "asked_again_count": current.acceptances.count() if current else 0,
    }
    return render(request, "console/licences/publish.html", context)


@require_POST
@staff_with(PUBLISH)
def discard(request: HttpRequest, slug: str, number: str) -> HttpResponse:
    """Throw a draft away."""
    version = get_object_or_404(LicenceVersion, licence__slug=slug, number=number)
    actions.discard_draft(version)
    messages.success(request, f"Draft {number} is gone.")
    return redirect("console:licence", slug)


def _from(version: LicenceVersion | None) -> dict[str, str]:
    """What a new draft begins with."""
    if version is None:
        return {"number": "1.0"}
    return {name: getattr(version, name) for name in ("text", *SUMMARY_FIELDS)}
