"""The token counters beside the composers of conversations and comparisons."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from playground import counting
from playground.comparing_forms import RoundForm, choices_for, typed_columns
from playground.forms import ComposerForm
from playground.models import Conversation
from playground.threads import exchanges
from playground.views.columns import own_comparison
from playground.views.entering import person_required
from playground.views.pages import gate, uuid_or_none
from portal.access.deciding import decide, releases_allowed
from portal.access.decision import Action
from portal.accounts.sessions import current_user
from portal.releases.models import Release


@require_POST
@never_cache
@sensitive_post_parameters()
@person_required
def count(request: HttpRequest) -> HttpResponse:
    """How many tokens the message would come to with what is sent with it, against the context.

    A message whose variables have no values yet counts as it is typed.
    """
    user = current_user(request)
    mine = Conversation.objects.visible_to(user).select_related("release", "revision")
    talk = mine.filter(pk__in=_named(request)).first()
    slug = request.POST.get("release", "")
    release = talk.release if talk else get_object_or_404(Release, slug=slug)
    decide(user, release, Action.PLAYGROUND).require()
    form = ComposerForm(request.POST, release=release)
    form.is_valid()
    typed = form.cleaned_data
    if not {"prompt", "max_tokens", "system_prompt"} <= typed.keys():
        return render(request, "playground/_count.html", {"release": release})
    settings = {name: value for name, value in typed.items() if value not in (None, "", [])}
    branch = exchanges(talk, through=uuid_or_none(request.POST.get("follows"))) if talk else []
    asked = counting.question(
        typed["prompt"],
        settings=settings,
        branch=branch,
        release=release,
        revision=talk.revision if talk else None,
    )
    context = {"release": release, "count": counting.count(asked)}
    return render(request, "playground/_count.html", context)


@require_POST
@never_cache
@sensitive_post_parameters()
@person_required
def count_new_comparison(request: HttpRequest) -> HttpResponse:
    """As `count`, of the columns as they are typed; the one with the least room counts."""
    choices = choices_for(current_user(request))
    if not choices:
        return gate(request)
    form, columns = RoundForm(request.POST), typed_columns(request.POST, choices)
    form.is_valid()
    if "prompt" not in form.cleaned_data or not all(column.is_valid() for column in columns):
        return _told(request, None)
    asked = [
        counting.question(
            form.cleaned_data["prompt"],
            settings=one.settings,
            branch=[],
            release=one.release,
            revision=one.revision,
        )
        for one in (column.column() for column in columns)
    ]
    return _told(request, counting.count(*asked))


@require_POST
@never_cache
@sensitive_post_parameters()
@person_required
def count_comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    """As `count`, of the next round of a comparison. Which column has the least room it never tells."""
    found, form = own_comparison(request, pk), RoundForm(request.POST)
    columns = list(found.columns.select_related("release", "revision").order_by("column"))
    open_to = {one.pk for one in releases_allowed(current_user(request), Action.PLAYGROUND)}
    form.is_valid()
    if "prompt" not in form.cleaned_data or not {column.release_id for column in columns} <= open_to:
        return _told(request, None)
    asked = [
        counting.question(
            form.cleaned_data["prompt"],
            settings=column.settings,
            branch=exchanges(column),
            release=column.release,
            revision=column.revision,
        )
        for column in columns
    ]
    return _told(request, counting.count(*asked))


def _told(request: HttpRequest, count: counting.Count | None) -> HttpResponse:
    return render(request, "playground/_count.html", {"count": count, "kind": "comparison"})


def _named(request: HttpRequest) -> list[UUID]:
    """The conversation that the form names, if it does."""
    named = uuid_or_none(request.POST.get("conversation"))
    return [named] if named else []
