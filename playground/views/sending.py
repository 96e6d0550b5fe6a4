"""Sending a message, stopping an answer, asking again, and fetching an answer as it stands."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import push_url, reswap, retarget, trigger_client_event

from playground import actions
from playground.forms import ComposerForm, SettingsForm, blank_form, shown
from playground.models import Conversation, ConversationKind, Generation
from playground.stopping import session_digest
from playground.threads import Exchange, versions_of
from playground.views import pages
from playground.views.columns import answer_in_column
from playground.views.elsewhere import WentOn, went_on_beside
from playground.views.entering import is_htmx, own_answer, person_required
from portal.accounts.sessions import current_user
from portal.common.moments import moment_or_none
from portal.common.prepared import prepared
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.releases.models import Release

NO_CONTENT = 204


@require_POST
@never_cache
@sensitive_post_parameters()
@person_required
def send(request: HttpRequest) -> HttpResponse:
    """Send a message in the named conversation, or in a new one with the named release."""
    talk = _named_conversation(request)
    release = talk.release if talk else _named_release(request)
    form = ComposerForm(_with_settings(request.POST, talk), release=release)
    if not form.is_valid():
        if is_htmx(request) and "is_branch" in request.POST:
            # The words stay in their editor, and the composer keeps its own.
            return _errors(request, form)
        return _invalid(request, form=form, release=release, talk=talk)
    seen_at = moment_or_none(form.cleaned_data["seen_at"])
    generation = actions.send(form.wish(), release=release, conversation=talk, **asker(request))
    if not is_htmx(request):
        return redirect(generation.turn.conversation)
    if "is_branch" in request.POST:
        return branch(request, generation)
    # What the same form said before, sent twice, is nothing that another page did.
    if talk and seen_at and seen_at < talk.updated_at < generation.turn.created_at:
        return branch(request, generation, went_on=went_on_beside(generation))
    return _sent(request, generation)


@require_POST
@never_cache
@person_required
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop an answer. Its stream tells the page how it ended."""
    user = current_user(request)
    generation = get_object_or_404(Generation.objects.asked_by(user).with_story(), pk=pk)
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
    failed = own_answer(request, pk)
    return _asked_again(request, actions.retry(failed, **asker(request)))


@require_POST
@never_cache
@person_required
def regenerate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask for another answer to the same message, with the settings that stand beside the thread."""
    old = own_answer(request, pk)
    settings = None
    if "max_tokens" in request.POST:
        form = SettingsForm(request.POST, release=old.release)
        if not form.is_valid():
            return _errors(request, form)
        settings = form.settings()
    return _asked_again(request, actions.regenerate(old, settings=settings, **asker(request)))


@require_POST
@never_cache
@person_required
def go_on(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have the model write on where an answer ended."""
    return _asked_again(request, actions.go_on(own_answer(request, pk), **asker(request)))


@require_safe
@never_cache
@person_required
def answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """An answer as it stands; its page for who opens this address by hand."""
    user = current_user(request)
    generation = get_object_or_404(Generation.objects.asked_by(user).with_story(), pk=pk)
    if not is_htmx(request):
        return redirect(generation.turn.conversation)
    return _answer(request, generation)


def _named_conversation(request: HttpRequest) -> Conversation | None:
    """The conversation that the form names, or None; 404 when it is nobody's or somebody else's."""
    named = request.POST.get("conversation", "")
    if not named:
        return None
    # A column is asked through its comparison only, else the columns were not asked the same.
    pk = pages.uuid_or_none(named)
    talk = _talks.first(pk=pk, user_id=current_user(request).pk) if pk else None
    if talk is None:
        raise Http404
    return talk


def _named_release(request: HttpRequest) -> Release:
    release = _releases.first(slug=request.POST.get("release", ""))
    if release is None:
        raise Http404
    return release


@prepared
def _talks(*, pk: UUID, user_id: int) -> QuerySet[Conversation]:
    mine = Conversation.objects.visible_to(user_id).exclude(kind=ConversationKind.COLUMN).filter(pk=pk)
    return mine.select_related("release__licence", "revision")


@prepared
def _releases(*, slug: str) -> QuerySet[Release]:
    return Release.objects.select_related("licence").filter(slug=slug)


def asker(request: HttpRequest) -> dict[str, Any]:
    """Who asks, from where, and with which session it ends."""
    return {
        "by": current_user(request),
        "address": client_address(request),
        "session_digest": session_digest(request.session.session_key),
    }


def _with_settings(typed: QueryDict, talk: Conversation | None) -> QueryDict:
    """What was typed; where a form has no settings, as without scripts, with the conversation's own."""
    if talk is None or "max_tokens" in typed:
        return typed
    filled = typed.copy()
    for name, value in shown(talk.settings).items():
        filled[name] = value
    return filled


def _invalid(
    request: HttpRequest, *, form: ComposerForm, release: Release, talk: Conversation | None
) -> HttpResponse:
    """Show the composer again with everything that was typed."""
    context = pages.page_context(current_user(request), release=release, form=form, talk=talk)
    if not context["decision"].allowed:
        raise context["decision"].refusal()
    if not is_htmx(request):
        return render(request, "playground/page.html", context, status=INVALID)
    response = render(request, "playground/invalid.html", context, status=INVALID)
    return reswap(retarget(response, "#composer"), "outerHTML")


def _errors(request: HttpRequest, form: SettingsForm) -> HttpResponse:
    """Say beside the composer what is wrong, and leave what is in it."""
    return render(request, "playground/_errors.html", {"form": form}, status=INVALID)


def _sent(request: HttpRequest, generation: Generation) -> HttpResponse:
    """The new turn for the thread's end, and the parts of the page that know of it."""
    talk = generation.turn.conversation
    context = {
        **pages.shown(Exchange(generation.turn, generation)),
        "release": talk.release,
        "talk": talk,
        "live": generation,
        "form": blank_form(talk.release, conversation=talk, follows=generation.pk),
        "is_new": generation.turn.follows_id is None,
    }
    response = render(request, "playground/sent.html", context)
    response = push_url(response, talk.get_absolute_url())
    trigger_client_event(response, "playground:sent")
    return reswap(retarget(response, "#thread"), "beforeend")


def _asked_again(request: HttpRequest, generation: Generation) -> HttpResponse:
    if not is_htmx(request):
        return redirect(generation.turn.conversation)
    return branch(request, generation)


def branch(request: HttpRequest, generation: Generation, *, went_on: WentOn | None = None) -> HttpResponse:
    """The branch that ends in the new answer, instead of the one that is shown.

    `went_on` is what was asked elsewhere meanwhile, of which the page did not know.
    """
    talk = generation.turn.conversation
    context = pages.page_context(
        current_user(request), release=talk.release, talk=talk, through=generation.pk
    )
    context |= {"went_on": went_on, "is_branch": True}
    response = render(request, "playground/thread.html", context)
    response = push_url(response, talk.get_absolute_url())
    trigger_client_event(response, "playground:sent")
    return reswap(retarget(response, "#thread"), "outerHTML")


def _answer(request: HttpRequest, generation: Generation) -> HttpResponse:
    if generation.turn.conversation.kind == ConversationKind.COLUMN:
        return answer_in_column(request, generation)
    live = generation if generation.is_live else None
    context = {
        **pages.answer_context(generation),
        "answer_versions": versions_of(generation),
        "live": live,
        "release": generation.release,
    }
    return render(request, "playground/answer_with_action.html", context)
