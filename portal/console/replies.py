"""The reviewers' reply templates, each with a preview."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.roles import REVIEW
from portal.accounts.sessions import current_user
from portal.admissions.models import Application, ReplyTemplate
from portal.admissions.reviewing.replies import filled_in, remove_template, save_template
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.reviewing_forms import ReplyForm


@require_safe
@staff_with(REVIEW)
def index(request: HttpRequest) -> HttpResponse:
    """All templates. One query and the session's."""
    return render(request, "console/replies/index.html", {"replies": ReplyTemplate.objects.all()})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(REVIEW)
def edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Write a template, or write one anew; “Preview” fills it in for the newest application."""
    found = get_object_or_404(ReplyTemplate, pk=pk) if pk else None
    form = ReplyForm(request.POST or None, instance=get_object_or_404(ReplyTemplate, pk=pk) if pk else None)
    is_valid = form.is_valid()
    if is_valid and "preview" not in request.POST:
        try:
            save_template(
                found,
                name=form.cleaned_data["name"],
                text=form.cleaned_data["text"],
                by=current_user(request),
                address=client_address(request),
            )
        except ValidationError as error:
            form.add_error(None, error.messages[0])
        else:
            messages.success(request, "The template is saved.")
            return redirect("console:replies")
    preview = _preview(form.cleaned_data["text"]) if is_valid else ""
    status = INVALID if form.is_bound and not form.is_valid() else 200
    context = {"form": form, "reply": found, "preview": preview}
    return render(request, "console/replies/edit.html", context, status=status)


@require_POST
@staff_with(REVIEW)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a template."""
    found = get_object_or_404(ReplyTemplate, pk=pk)
    remove_template(found, by=current_user(request), address=client_address(request))
    messages.success(request, f"“{found.name}” is gone.")
    return redirect("console:replies")


def _preview(text: str) -> str:
    """The text for the newest application, or as it is while there is none."""
    newest = Application.objects.received().select_related("applicant", "programme").order_by("-submitted_at")
    application = newest.first()
    return filled_in(text, application) if application else text
