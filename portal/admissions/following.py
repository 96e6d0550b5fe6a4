"""Following an application: its status page, answering a reviewer, and withdrawing."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.sessions import current_user
from portal.admissions import actions, timelines
from portal.admissions.forms import InformationForm
from portal.admissions.models import Application
from portal.common.requests import client_address, is_htmx


@require_safe
@login_required
@never_cache
def application(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """One of the person's applications, under way or ended."""
    found = _own(request, slug, reference)
    return redirect(found.programme) if found.is_draft else status_page(request, found)


@require_POST
@login_required
def answer(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """Answer what a reviewer asked; the page in place for htmx."""
    found = _own(request, slug, reference)
    form = InformationForm(request.POST)
    if not form.is_valid():
        return status_page(request, found, form, status=422)
    answered = actions.give_information(
        found,
        by=current_user(request),
        message=form.cleaned_data["message"],
        address=client_address(request),
    )
    if is_htmx(request):
        return status_page(request, answered)
    messages.success(request, "Your answer is with the reviewers.")
    return redirect(answered)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def withdraw(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """Ask whether the application shall be taken back, and take it back."""
    found = _own(request, slug, reference)
    if request.method != "POST" and found.is_open:
        return render(request, "admissions/withdraw.html", {"application": found})
    if request.method == "POST":
        actions.withdraw(found, by=current_user(request), address=client_address(request))
        messages.success(request, "Your application is withdrawn. You can apply again whenever you like.")
    return redirect(found.programme)


def status_page(
    request: HttpRequest, found: Application, form: InformationForm | None = None, *, status: int = 200
) -> HttpResponse:
    """Where the application stands, or for htmx the part of the page that changes."""
    earlier = found.programme.applications.visible_to(current_user(request)).newest_first()
    context = {
        "application": found,
        "programme": found.programme,
        "entries": timelines.for_applicant(found),
        "form": form or InformationForm(),
        "earlier": earlier.exclude(pk=found.pk).received(),
        "may_apply_again": found.has_ended and found.programme.is_open and not earlier.live().exists(),
    }
    template = (
        "admissions/application.html#application" if is_htmx(request) else "admissions/application.html"
    )
    return render(request, template, context, status=status)


def _own(request: HttpRequest, slug: str, reference: str) -> Application:
    mine = Application.objects.visible_to(current_user(request)).select_related("programme")
    return get_object_or_404(mine, programme__slug=slug, reference=reference)
