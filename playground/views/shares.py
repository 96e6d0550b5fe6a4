"""One's share links: making one of an answer, the list, changing and revoking."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from playground import actions
from playground.models import Audience, Generation, ShareLink
from playground.share_forms import ShareForm
from playground.sharing import is_working, require_shareable
from playground.views.entering import person_required
from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID

LINKS_A_PAGE = 30


@require_safe
@never_cache
@person_required
def index(request: HttpRequest) -> HttpResponse:
    """One's links, the newest first, those that work no more included."""
    mine = ShareLink.objects.visible_to(current_user(request)).select_related("conversation__release")
    page = Paginator(mine, LINKS_A_PAGE).get_page(request.GET.get("page"))
    links = [
        {
            "link": link,
            "is_working": is_working(link),
            "address": request.build_absolute_uri(link.get_absolute_url()),
        }
        for link in page
    ]
    return render(request, "playground/shares/list.html", {"page": page, "links": links})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_required
def new(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make a link to the branch that ends in an answer."""
    user = current_user(request)
    answer = get_object_or_404(Generation.objects.visible_to(user).with_story(), pk=pk)
    require_shareable(answer)
    talk = answer.turn.conversation
    context = {"answer": answer, "talk": talk}
    if request.method != "POST":
        initial = {"title": talk.title, "audience": Audience.PRIVATE, "expiry": "week"}
        return render(request, "playground/shares/new.html", context | {"form": ShareForm(initial=initial)})
    form = ShareForm(request.POST)
    if form.is_valid():
        try:
            link = actions.share(answer, by=user, address=client_address(request), **form.facts())
        except Refusal as refusal:
            form.add_error("audience", refusal.sentence)
        else:
            messages.success(request, "The link is made. Copy it below.")
            return redirect("playground_share", pk=link.pk)
    return render(request, "playground/shares/new.html", context | {"form": form}, status=INVALID)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_required
def change(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One link: its address to copy, and what can be changed."""
    user = current_user(request)
    link = _own(request, pk)
    form = ShareForm(request.POST or None, initial=_as_it_is(link))
    context = {
        "link": link,
        "is_working": is_working(link),
        "address": request.build_absolute_uri(link.get_absolute_url()),
        "form": form,
    }
    if request.method != "POST":
        return render(request, "playground/shares/change.html", context)
    if form.is_valid():
        try:
            actions.change_share(link, by=user, address=client_address(request), **form.facts())
        except Refusal as refusal:
            form.add_error("audience", refusal.sentence)
        else:
            messages.success(request, "The link is changed.")
            return redirect("playground_shares")
    return render(request, "playground/shares/change.html", context, status=INVALID)


@require_POST
@person_required
def revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End a link for everybody."""
    link = _own(request, pk)
    actions.revoke_share(link, by=current_user(request), address=client_address(request))
    messages.success(request, "The link is revoked. Whoever follows it is told so.")
    return redirect("playground_shares")


def _as_it_is(link: ShareLink) -> dict[str, str]:
    """What a link has; its time by the nearest choice that is not shorter."""
    expiry = "never"
    if link.expires_at is not None:
        days = (link.expires_at - timezone.now()).total_seconds() / 86400
        expiry = "day" if days <= 1 else "week" if days <= 7 else "month"  # noqa: PLR2004
    return {"title": link.title, "audience": link.audience, "expiry": expiry}


def _own(request: HttpRequest, pk: UUID) -> ShareLink:
    mine = ShareLink.objects.visible_to(current_user(request))
    return get_object_or_404(mine.select_related("conversation__release"), pk=pk)
