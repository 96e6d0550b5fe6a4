"""Making and revoking signed links on a release's page."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.hub import links as making
from portal.hub.commands import link_commands
from portal.hub.models import DownloadLink
from portal.hub.shelf import visible_releases
from portal.releases.models import Release, WeightFile

# The page's list of links listens for it.
LINK_MADE = "link-made"


class LinkForm(forms.Form):
    """Which file, and how often it may be downloaded (empty: as the settings say)."""

    uses = forms.IntegerField(min_value=1, max_value=making.USES_MAX, required=False)

    def __init__(self, data: QueryDict, *, release: Release) -> None:
        super().__init__(data)
        files = WeightFile.objects.filter(revision__release=release)
        self.fields["file"] = forms.ModelChoiceField(files.select_related("revision__release__licence"))


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def links(request: HttpRequest, slug: str) -> HttpResponse:
    """The person's links to a release for htmx, or one more: the only answer that ever shows its address."""
    user = current_user(request)
    release = get_object_or_404(visible_releases(user), slug=slug)
    if request.method == "POST":
        return _made(request, release, user)
    if not is_htmx(request):
        return redirect(release)
    mine = DownloadLink.objects.visible_to(user).of(release).live()
    return render(request, "releases/_links.html", {"release": release, "links": mine})


@require_POST
@login_required
def revoke(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """End a link; its row for htmx."""
    user = current_user(request)
    mine = DownloadLink.objects.visible_to(user).select_related("file__revision__release")
    link = get_object_or_404(mine, file__revision__release__slug=slug, public_id=public_id)
    release = link.file.revision.release
    making.revoke(link, by=user, address=client_address(request))
    if is_htmx(request):
        return render(request, "releases/_links.html#link-row", {"link": link, "release": release})
    messages.success(request, f"The link to {link.file.path} is revoked. It opens nothing any more.")
    return redirect(release)


@sensitive_variables("created", "context")
def _made(request: HttpRequest, release: Release, user: User) -> HttpResponse:
    form = LinkForm(request.POST, release=release)
    if not form.is_valid():
        raise Refusal(
            "link_form",
            f"Choose a file of this release and 1 to {making.USES_MAX} downloads.",
            status=422,
            remedy=release.get_absolute_url(),
        )
    file = form.cleaned_data["file"]
    created = making.create(file, by=user, uses=form.cleaned_data["uses"], address=client_address(request))
    # Straight into the response, which no cache may keep: neither the session nor the database holds it.
    context = {
        "release": release,
        "link": created.link,
        "url": created.url,
        "commands": link_commands(file, url=created.url),
    }
    template = "releases/link.html#link-made" if is_htmx(request) else "releases/link.html"
    response = render(request, template, context)
    response["Referrer-Policy"] = "no-referrer"
    response["HX-Trigger"] = LINK_MADE
    return response
