"""The playground's pages: a new conversation, one that goes on, and the gate for those not let in yet."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from playground import readiness, streams
from playground.forms import ComposerForm, blank_form
from playground.models import Conversation, Generation
from playground.threads import Exchange, exchanges
from playground.views.entering import person_required
from portal.access.deciding import decide, releases_allowed
from portal.access.decision import Action
from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.releases.models import Release

CONVERSATIONS_SHOWN = 100


@require_safe
@never_cache
@person_required
def new(request: HttpRequest) -> HttpResponse:
    """A new conversation with one of the releases that the person may try, or the way to get there."""
    user = current_user(request)
    releases = list(releases_allowed(user, Action.PLAYGROUND))
    wanted = request.GET.get("release", "")
    release = next((one for one in releases if one.slug == wanted or not wanted), None)
    if release is None:
        return gate(request, wanted=wanted)
    context = page_context(user, release=release, form=blank_form(release))
    return render(request, "playground/page.html", context | {"releases": releases})


@require_safe
@never_cache
@person_required
def conversation(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One conversation as it stands, an answer that is being written included."""
    user = current_user(request)
    found = get_object_or_404(Conversation.objects.visible_to(user).select_related("release"), pk=pk)
    form = blank_form(found.release, conversation=found)
    return render(
        request, "playground/page.html", page_context(user, release=found.release, form=form, talk=found)
    )


@require_safe
@never_cache
@person_required
def model_status(request: HttpRequest, slug: str) -> HttpResponse:
    """How far the model behind a release is: the banner, which asks again by itself."""
    release = get_object_or_404(Release, slug=slug)
    decide(current_user(request), release, Action.PLAYGROUND).require()
    context = {"release": release, "model": readiness.status_of(release)}
    return render(request, "playground/page.html#model-status", context)


def gate(request: HttpRequest, *, wanted: str = "") -> HttpResponse:
    """What still stands between a person and each release, or the one `wanted`."""
    announced = Release.objects.announced().select_related("licence")
    chosen = announced.filter(slug=wanted) if wanted else announced
    decisions = [decide(request.user, release, Action.PLAYGROUND) for release in chosen]
    return render(request, "playground/gate.html", {"decisions": decisions}, status=403)


def page_context(
    user: User, *, release: Release, form: ComposerForm, talk: Conversation | None = None
) -> dict[str, Any]:
    """What the page shows: the thread, the composer, the settings, the model's state and the side bar."""
    thread = exchanges(talk) if talk else []
    return {
        "release": release,
        "form": form,
        "talk": talk,
        "thread": [shown(exchange) for exchange in thread],
        "live": thread[-1].generation if thread and thread[-1].generation.is_live else None,
        "decision": decide(user, release, Action.PLAYGROUND),
        "model": readiness.status_of(release),
        "talks": conversations_of(user),
    }


def shown(exchange: Exchange) -> dict[str, Any]:
    """A turn with its answer and, while it is written, what can be seen of it."""
    return {"turn": exchange.turn, **answer_context(exchange.generation)}


def answer_context(generation: Generation) -> dict[str, Any]:
    """An answer and, while it is written, what can be seen of it in its stream."""
    return {"answer": generation, "seen": streams.seen(generation.pk) if generation.is_live else None}


def conversations_of(user: User) -> list[Conversation]:
    """The side bar's newest conversations."""
    return list(Conversation.objects.visible_to(user).select_related("release")[:CONVERSATIONS_SHOWN])
