"""Sending a message, stopping an answer, asking again, and fetching an answer as it stands."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import push_url, reswap, retarget, trigger_client_event

from playground import actions
from playground.forms import ComposerForm, blank_form
from playground.models import Conversation, Generation
from playground.threads import Exchange
from playground.views import pages
from playground.views.entering import is_htmx, person_required
from portal.accounts.sessions import current_user
from portal.common.requests import client_address
from portal.releases.models import Release

NO_CONTENT = 204


@require_POST
@never_cache
@sensitive_post_parameters("prompt", "system_prompt")
@person_required
def send(request: HttpRequest) -> HttpResponse:
    """Send a message in the named conversation, or in a new one with the named release."""
    user = current_user(request)
    talk = _named_conversation(request)
    release = talk.release if talk else get_object_or_404(Release, slug=request.POST.get("release", ""))
    form = ComposerForm(request.POST, release=release)
    if not form.is_valid():
        return _invalid(request, form=form, release=release, talk=talk)
    generation = actions.send(
        form.wish(), by=user, release=release, conversation=talk, address=client_address(request)
    )
    if not is_htmx(request):
        return redirect(generation.turn.conversation)
    return _sent(request, generation)


@require_POST
@never_cache
@person_required
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop an answer. Its stream tells the page how it ended."""
    user = current_user(request)
    generation = get_object_or_404(Generation.objects.visible_to(user).with_story(), pk=pk)
    was_live = generation.is_live
    generation = actions.cancel(generation, by=user)
    if not is_htmx(request):
        return redirect(generation.turn.conversation)
    return HttpResponse(status=NO_CONTENT) if was_live else _answer(request, generation)


@require_POST
@never_cache
@person_required
def retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask again for an answer that failed or was stopped."""
    user = current_user(request)
    failed = get_object_or_404(Generation.objects.visible_to(user).with_story(), pk=pk)
    generation = actions.retry(failed, by=user, address=client_address(request))
    if not is_htmx(request):
        return redirect(generation.turn.conversation)
    response = _answer(request, generation)
    return reswap(retarget(response, f"#answer-{failed.pk}"), "outerHTML")


@require_safe
@never_cache
@person_required
def answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """An answer as it stands; its page for who opens this address by hand."""
    user = current_user(request)
    generation = get_object_or_404(Generation.objects.visible_to(user).with_story(), pk=pk)
    if not is_htmx(request):
        return redirect(generation.turn.conversation)
    return _answer(request, generation)


def _named_conversation(request: HttpRequest) -> Conversation | None:
    """The conversation that the form names, or None; 404 when it is nobody's or somebody else's."""
    named = request.POST.get("conversation", "")
    if not named:
        return None
    mine = Conversation.objects.visible_to(current_user(request)).select_related("release")
    return get_object_or_404(mine, pk=_uuid_or_none(named))


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _invalid(
    request: HttpRequest, *, form: ComposerForm, release: Release, talk: Conversation | None
) -> HttpResponse:
    """Show the composer again with everything that was typed."""
    context = pages.page_context(current_user(request), release=release, form=form, talk=talk)
    if not context["decision"].allowed:
        raise context["decision"].refusal()
    if not is_htmx(request):
        return render(request, "playground/page.html", context, status=422)
    response = render(request, "playground/invalid.html", context, status=422)
    return reswap(retarget(response, "#composer"), "outerHTML")


def _sent(request: HttpRequest, generation: Generation) -> HttpResponse:
    """The new turn for the thread's end, and the parts of the page that know of it."""
    talk = generation.turn.conversation
    context = {
        **pages.shown(Exchange(generation.turn, generation)),
        "release": talk.release,
        "talk": talk,
        "live": generation,
        "form": blank_form(talk.release, conversation=talk),
        "is_new": generation.turn.follows_id is None,
    }
    response = render(request, "playground/sent.html", context)
    response = push_url(response, talk.get_absolute_url())
    trigger_client_event(response, "playground:sent")
    return reswap(retarget(response, "#thread"), "beforeend")


def _answer(request: HttpRequest, generation: Generation) -> HttpResponse:
    live = generation if generation.is_live else None
    context = {**pages.answer_context(generation), "live": live, "release": generation.release}
    return render(request, "playground/answer_with_action.html", context)
