"""The staff's page that says where a revision is served while it is compared with others."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from portal.accounts.sessions import current_user
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.releases.models import HTTP_URL, Release
from portal.releases.serving import serve_revision

MANAGE = "releases.manage_release"


class ServingForm(forms.Form):
    """Where a revision is served."""

    backend_url = forms.URLField(
        label="Model server",
        required=False,
        assume_scheme="http",
        validators=[HTTP_URL],
        help_text="An OpenAI-compatible server such as vLLM. Leave it empty to take the revision out.",
        widget=forms.URLInput(attrs={"placeholder": "http://127.0.0.1:8001", "spellcheck": "false"}),
    )
    served_model_name = forms.CharField(
        label="The model's name there", required=False, max_length=120, help_text="Empty: as the release's."
    )


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(MANAGE)
def serve(request: HttpRequest, slug: str, commit: str) -> HttpResponse:
    """Say where a revision is served, so that people can choose it for comparisons."""
    release = get_object_or_404(Release, slug=slug)
    revision = get_object_or_404(release.revisions, commit=commit)
    known = {"backend_url": revision.backend_url, "served_model_name": revision.served_model_name}
    form = ServingForm(request.POST or None, initial=known)
    if request.method == "POST" and form.is_valid():
        serve_revision(
            revision, **form.cleaned_data, by=current_user(request), address=client_address(request)
        )
        where = f"is served at {form.cleaned_data['backend_url']}"
        is_served = bool(form.cleaned_data["backend_url"])
        messages.success(request, f"{commit[:12]} {where if is_served else 'cannot be compared any more'}.")
        return redirect("console:release", slug)
    status = INVALID if request.method == "POST" and not form.is_valid() else 200
    context = {"release": release, "revision": revision, "form": form}
    return render(request, "console/releases/serve.html", context, status=status)
