"""What a share link shows to whoever may read it, asking for it again, and the showcase of a release."""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from playground import actions
from playground.comparing import described
from playground.models import Audience, ShareLink
from playground.sharing import branch_of, is_working, reading_of, showcase_of
from playground.views.entering import is_htmx, person_required
from playground.views.sending import asker
from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.releases.models import Release

GONE, FORBIDDEN = 410, 403
SHOWN_A_PAGE = 30
SHOWN_BESIDE = 3
MANAGE = "releases.manage_release"


class TokenForm(forms.Form):
    """The token of a button that is pressed once."""

    token = forms.UUIDField()


@require_safe
@never_cache
def shared(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The branch as it stood, to read only; 410 for a link that leads nowhere (any more)."""
    link = _found(pk)
    if link is None:
        return _noindex(render(request, "playground/shares/gone.html", status=GONE))
    refused = _refused(request, link)
    if refused is not None:
        return _noindex(refused)
    if request.method == "GET" and request.user.pk != link.user_id:
        ShareLink.objects.filter(pk=link.pk).update(view_count=F("view_count") + 1)
    return _noindex(render(request, "playground/shares/shared.html", _context(request, link)))


@require_POST
@never_cache
@person_required
def reproduce(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask again for what a link shows, in a conversation of one's own."""
    link = _found(pk)
    if link is None:
        return render(request, "playground/shares/gone.html", status=GONE)
    refused = _refused(request, link)
    if refused is not None:
        return refused
    form = TokenForm(request.POST)
    if not form.is_valid():
        raise Refusal("reload", "Reload the page and press Reproduce again.", status=422)
    answer = actions.reproduce(link, token=form.cleaned_data["token"], **asker(request))
    return redirect(answer.turn.conversation)


@require_safe
@never_cache
def showcase(request: HttpRequest, slug: str) -> HttpResponse:
    """What people share of a release with everyone; to htmx, for the release's page, the newest few."""
    release = get_object_or_404(Release.objects.public(), slug=slug)
    if is_htmx(request):
        few = {"release": release, "newest": showcase_of(release)[:SHOWN_BESIDE]}
        return _noindex(render(request, "playground/shares/showcase.html#newest", few))
    page = Paginator(showcase_of(release), SHOWN_A_PAGE).get_page(request.GET.get("page"))
    context = {"release": release, "page": page, "may_take_down": _may_take_down(request)}
    return _noindex(render(request, "playground/shares/showcase.html", context))


@require_POST
@person_required
def take_down(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Revoke somebody's showcase link, for staff who manage releases."""
    if not _may_take_down(request):
        raise Http404
    shown = ShareLink.objects.working().filter(audience=Audience.SHOWCASE)
    link = get_object_or_404(shown.select_related("conversation__release"), pk=pk)
    actions.revoke_share(link, by=current_user(request), address=client_address(request))
    messages.success(request, "It is taken down. Whoever follows its link is told so.")
    return redirect("playground_showcase", slug=link.conversation.release.slug)


def _found(pk: UUID) -> ShareLink | None:
    """The link where it works; of others nothing is told, not even that they were there. One query."""
    story = ("user", "conversation__release", "at__turn")
    link = ShareLink.objects.select_related(*story).filter(pk=pk).first()
    return link if link is not None and is_working(link) else None


def _refused(request: HttpRequest, link: ShareLink) -> HttpResponse | None:
    """The answer for who may not read it: to sign in, or which steps are left. Http404 for a private one."""
    reading = reading_of(link, request.user)
    if reading.is_allowed:
        return None
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if reading.decision is None:
        raise Http404
    return render(request, "playground/shares/refused.html", {"decision": reading.decision}, status=FORBIDDEN)


def _context(request: HttpRequest, link: ShareLink) -> dict[str, Any]:
    params = link.at.params
    return {
        "link": link,
        "release": link.conversation.release,
        "branch": branch_of(link),
        "system_prompt": params.get("system_prompt", ""),
        "settings": described({name: value for name, value in params.items() if name != "system_prompt"}),
        "revision": params.get("revision", ""),
        "full_name": link.user.full_name or "A developer",
        "is_mine": request.user.pk == link.user_id,
        "is_showcase": link.audience == Audience.SHOWCASE,
        "may_take_down": link.audience == Audience.SHOWCASE and _may_take_down(request),
        "token": uuid4(),
    }


def _may_take_down(request: HttpRequest) -> bool:
    user = request.user
    return isinstance(user, User) and user.is_staff and user.has_perm(MANAGE)


def _noindex(response: HttpResponse) -> HttpResponse:
    response.headers["X-Robots-Tag"] = "noindex"
    return response
