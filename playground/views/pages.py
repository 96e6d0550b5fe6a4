"""The playground's pages: a new conversation, one that goes on, and the gate for those not let in yet."""

from typing import Any
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from playground import readiness, templating
from playground.forms import ComposerForm, blank_form
from playground.forms import shown as shown_settings
from playground.models import Conversation, ConversationKind, Generation, Preset, PresetVersion
from playground.parameters import RAW
from playground.threads import Exchange, exchanges, seen_of
from playground.views.entering import is_htmx, person_required
from portal.access.deciding import decide, releases_allowed
from portal.access.decision import Action
from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.releases.models import Release

CONVERSATIONS_SHOWN = 100
PRESETS_SHOWN = 200


@require_safe
@never_cache
@person_required
def new(request: HttpRequest) -> HttpResponse:
    """A new conversation with one of the releases that the person may try, or the way to get there."""
    user = current_user(request)
    releases = list(releases_allowed(user, Action.PLAYGROUND))
    version = preset_version(request)
    wanted = version.release.slug if version and version.release else request.GET.get("release", "")
    release = next((one for one in releases if one.slug == wanted or not wanted), None)
    if release is None:
        return gate(request, wanted=wanted)
    form = _raw_form(request, release) if "raw_from" in request.GET else None
    if version:
        form = preset_form(version, release)
    context = page_context(user, release=release, form=form)
    context |= {"releases": releases, "preset": version.preset if version else None}
    return render(request, "playground/page.html", context)


@require_safe
@never_cache
@person_required
def conversation(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One conversation as it stands, an answer that is being written included.

    `?at=` names an answer: the branch that leads through it is shown, else the newest.
    """
    user = current_user(request)
    found = get_object_or_404(Conversation.objects.visible_to(user).select_related("release"), pk=pk)
    if found.kind == ConversationKind.COLUMN:
        return redirect(found)
    context = page_context(
        user, release=found.release, talk=found, through=uuid_or_none(request.GET.get("at"))
    )
    is_walk = is_htmx(request)
    return render(request, "playground/thread.html" if is_walk else "playground/page.html", context)


@require_safe
@never_cache
@person_required
def model_status(request: HttpRequest, slug: str) -> HttpResponse:
    """How far the model behind a release is: the banner, which asks again by itself."""
    release = get_object_or_404(Release, slug=slug)
    decide(current_user(request), release, Action.PLAYGROUND).require()
    context = {"release": release, "model": readiness.status_of(release)}
    return render(request, "playground/page.html#model-status", context)


def _raw_form(request: HttpRequest, release: Release) -> ComposerForm:
    """The composer in raw mode, with the prompt that `?raw_from=`, an answer, had as the model read it."""
    mine = Generation.objects.visible_to(current_user(request)).with_story()
    answer = get_object_or_404(mine, pk=uuid_or_none(request.GET["raw_from"]))
    read = templating.rendered(answer)
    prompt = read.text if read else answer.turn.prompt
    # Braces in it are what the model has read, and not to be filled in.
    talk = answer.turn.conversation
    return blank_form(release, conversation=talk, mode=RAW, prompt=prompt, is_literal=True)


def preset_version(request: HttpRequest) -> PresetVersion | None:
    """The version of one's own preset that `?preset=` and perhaps `?version=` name; None: none is named."""
    if not request.GET.get("preset"):
        return None
    mine = Preset.objects.visible_to(current_user(request))
    preset = get_object_or_404(mine, pk=uuid_or_none(request.GET["preset"]))
    versions = preset.versions.select_related("release", "preset")
    number = request.GET.get("version", "")
    if number.isascii() and number.isdigit() and len(number) < len("10000"):
        return get_object_or_404(versions, number=int(number))
    return versions.first()


def preset_form(version: PresetVersion, release: Release) -> ComposerForm:
    """The composer with what a preset holds."""
    return blank_form(release, **shown_settings(version.settings), prompt=version.prompt)


def gate(request: HttpRequest, *, wanted: str = "") -> HttpResponse:
    """What still stands between a person and each release, or the one `wanted`."""
    announced = Release.objects.announced().select_related("licence")
    chosen = announced.filter(slug=wanted) if wanted else announced
    decisions = [decide(request.user, release, Action.PLAYGROUND) for release in chosen]
    return render(request, "playground/gate.html", {"decisions": decisions}, status=403)


def page_context(
    user: User,
    *,
    release: Release,
    form: ComposerForm | None = None,
    talk: Conversation | None = None,
    through: UUID | None = None,
) -> dict[str, Any]:
    """What the page shows: the thread, the composer, the settings, the model's state and the side bar.

    `form` is one that was sent back (None: an empty one); `through` an answer whose branch is shown.
    """
    thread = exchanges(talk, through=through) if talk else []
    last = thread[-1].generation if thread else None
    return {
        "release": release,
        "form": form or blank_form(release, conversation=talk, follows=last.pk if last else None),
        "talk": talk,
        "thread": [shown(exchange) for exchange in thread],
        "live": last if last and last.is_live else None,
        "decision": decide(user, release, Action.PLAYGROUND),
        "model": readiness.status_of(release),
        "talks": conversations_of(user),
        "presets": list(Preset.objects.visible_to(user).in_use()[:PRESETS_SHOWN]),
    }


def shown(exchange: Exchange) -> dict[str, Any]:
    """A turn with its answer and, while it is written, what can be seen of it."""
    return {
        "turn": exchange.turn,
        "turn_versions": exchange.turn_versions,
        "answer_versions": exchange.answer_versions,
        "edit_token": uuid4() if exchange.turn.prompt else None,
        **answer_context(exchange.generation),
    }


def answer_context(generation: Generation) -> dict[str, Any]:
    """An answer and, while it is written, what can be seen of it in its stream."""
    return {"answer": generation, "seen": seen_of(generation)}


def conversations_of(user: User) -> list[Conversation]:
    """The side bar's newest conversations."""
    talks = Conversation.objects.visible_to(user).talks()
    return list(talks.select_related("release")[:CONVERSATIONS_SHOWN])


def uuid_or_none(text: str | None) -> UUID | None:
    """An id as a client gave it; None for anything else."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
