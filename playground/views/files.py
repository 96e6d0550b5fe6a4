"""Conversations as files: exporting a branch, importing OpenAI's messages, and the code of a call."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from playground import actions, calling, exporting, importing
from playground.models import Conversation
from playground.threads import exchanges
from playground.views.entering import is_htmx, own_answer, person_required
from playground.views.pages import uuid_or_none
from portal.access.deciding import releases_allowed
from portal.access.decision import Action
from portal.accounts.sessions import current_user
from portal.common.statuses import INVALID
from portal.releases.models import Release

KINDS = {
    "json": ("application/json", exporting.as_json),
    "md": ("text/markdown; charset=utf-8", exporting.as_markdown),
}


class ImportForm(forms.Form):
    """A file, and the release with which the conversation goes on."""

    file = forms.FileField(
        label="File",
        help_text="JSON with a list “messages” as OpenAI has it, or a file exported here. 2 MB at most.",
        widget=forms.ClearableFileInput(attrs={"accept": ".json,application/json"}),
    )
    release = forms.ModelChoiceField(queryset=Release.objects.none(), to_field_name="slug", empty_label=None)

    def __init__(self, *args: Any, releases: QuerySet[Release], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["release"].queryset = releases  # type: ignore[attr-defined]

    def clean_file(self) -> importing.Imported:
        """What the file holds."""
        file = self.cleaned_data["file"]
        if file.size > importing.FILE_MAX_BYTES:
            raise forms.ValidationError("The file is larger than 2 MB.", code="too_large")
        try:
            return importing.read(file.read())
        except importing.NotReadable as error:
            raise forms.ValidationError(str(error), code="unreadable") from error


@require_safe
@never_cache
@person_required
def export(request: HttpRequest, pk: UUID, kind: str) -> HttpResponse:
    """The branch that `?at=` names, or the newest, as a file."""
    mine = Conversation.objects.visible_to(current_user(request)).select_related("release")
    found = get_object_or_404(mine, pk=pk)
    branch = exchanges(found, through=uuid_or_none(request.GET.get("at")))
    content_type, write = KINDS[kind]
    response = HttpResponse(write(found, branch), content_type=content_type)
    name = slugify(found.title)[:60] or "conversation"
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response


@require_POST
@sensitive_post_parameters("file")
@person_required
def import_file(request: HttpRequest) -> HttpResponse:
    """Make a conversation of a file."""
    user = current_user(request)
    form = ImportForm(request.POST, request.FILES, releases=releases_allowed(user, Action.PLAYGROUND))
    if not form.is_valid():
        return render(request, "playground/import.html", {"form": form}, status=INVALID)
    made = actions.import_conversation(
        form.cleaned_data["file"], by=user, release=form.cleaned_data["release"]
    )
    messages.success(request, "Imported. Send a message to go on from here.")
    return redirect(made)


@require_safe
@never_cache
@person_required
def code(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The exact call of an answer, to copy."""
    answer = own_answer(request, pk)
    context = {"answer": answer, "talk": answer.turn.conversation, "samples": calling.samples_of(answer)}
    return render(
        request, "playground/code.html#samples" if is_htmx(request) else "playground/code.html", context
    )
