"""The list of conversations: searching, renaming, pinning, deleting, and for how long they are kept."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from playground import actions
from playground.models import TITLE_CHARACTERS, Conversation, ConversationKind, PlaygroundPreferences
from playground.searching import matching
from playground.views.entering import is_htmx, person_required
from playground.views.files import ImportForm
from portal.access.deciding import releases_allowed
from portal.access.decision import Action
from portal.accounts.sessions import current_user

TALKS_A_PAGE = 30
SOUGHT_SHOWN = 50
RETENTIONS = (
    ("", "Until I delete them"),
    ("7", "7 days"),
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "A year"),
)


class RenameForm(forms.Form):
    """Another title."""

    title = forms.CharField(max_length=TITLE_CHARACTERS)


class RetentionForm(forms.Form):
    """For how long conversations at rest are kept."""

    retention_days = forms.TypedChoiceField(
        label="Keep conversations",
        choices=RETENTIONS,
        required=False,
        coerce=int,
        empty_value=None,
        help_text="Counted from when something was last said. Pinned conversations stay.",
    )


@require_safe
@never_cache
@person_required
def index(request: HttpRequest) -> HttpResponse:
    """All of one's conversations, searched by `?q=`; for htmx the side bar's list alone."""
    user = current_user(request)
    sought = request.GET.get("q", "").strip()
    talks = matching(Conversation.objects.visible_to(user).talks(), sought).select_related("release")
    if is_htmx(request):
        found = {"talks": talks[:SOUGHT_SHOWN], "sought": sought}
        return render(request, "playground/_talks.html", found)
    preferences = PlaygroundPreferences.objects.filter(user=user).first()
    days = preferences.retention_days if preferences else None
    context: dict[str, Any] = {
        "page": Paginator(talks, TALKS_A_PAGE).get_page(request.GET.get("page")),
        "sought": sought,
        "retention_form": RetentionForm(initial={"retention_days": days or ""}),
        "import_form": ImportForm(releases=releases_allowed(user, Action.PLAYGROUND)),
    }
    return render(request, "playground/talks.html", context)


@require_POST
@person_required
def rename(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give a conversation another title."""
    found = _own(request, pk)
    form = RenameForm(request.POST)
    if form.is_valid():
        actions.rename(found, title=form.cleaned_data["title"])
    else:
        messages.error(request, f"Enter a title of 1 to {TITLE_CHARACTERS} characters.")
    return redirect(found)


@require_POST
@person_required
def pin(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keep a conversation at the top of the list, or no longer."""
    found = _own(request, pk)
    actions.pin(found, is_pinned=found.pinned_at is None)
    return redirect(found)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_required
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask whether a conversation may be deleted, and delete it; one that is not kept is ended at once."""
    found = _own(request, pk)
    if request.method != "POST":
        return render(request, "playground/delete.html", {"talk": found})
    actions.delete(found, by=current_user(request))
    messages.success(request, "The conversation is deleted, with everything that was said in it.")
    return redirect("playground")


@require_POST
@person_required
def keep_for(request: HttpRequest) -> HttpResponse:
    """Set for how long conversations are kept."""
    form = RetentionForm(request.POST)
    if form.is_valid():
        days = form.cleaned_data["retention_days"]
        actions.prefer(current_user(request), retention_days=days)
        kept = f"for {days} days" if days else "until you delete them"
        messages.success(request, f"Conversations are now kept {kept}.")
    else:
        messages.error(request, "Choose for how long conversations are kept.")
    return redirect("playground_talks")


def _own(request: HttpRequest, pk: UUID) -> Conversation:
    mine = Conversation.objects.visible_to(current_user(request)).exclude(kind=ConversationKind.COLUMN)
    mine = mine.select_related("user", "release")
    return get_object_or_404(mine, pk=pk)
