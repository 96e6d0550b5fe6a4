"""An applicant's pages for their own words: writing to the reviewers, correcting, taking along, deleting."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.sessions import current_user
from portal.admissions import actions
from portal.admissions.applications import correcting
from portal.admissions.applications.filing import kept_files
from portal.admissions.forms import ApplicationForm, MessageForm
from portal.admissions.models import Application
from portal.admissions.reviewing import messaging
from portal.admissions.views.following import own, status_page
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.common.statuses import INVALID


@require_POST
@login_required
def message(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """Write to the reviewers; the page in place for htmx."""
    found = own(request, slug, reference)
    form = MessageForm(request.POST)
    if form.is_valid():
        try:
            found = messaging.write_to_reviewers(
                found,
                by=current_user(request),
                message=form.cleaned_data["message"],
                address=client_address(request),
            )
        except Refusal as refusal:
            form.add_error("message", refusal.sentence)
    if form.errors:
        return status_page(request, found, message_form=form, status=INVALID)
    if is_htmx(request):
        return status_page(request, found)
    messages.success(request, "Your message is with the reviewers.")
    return redirect(found)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def correct(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """Give other answers while nothing is decided."""
    found = own(request, slug, reference)
    if not found.is_correctable:
        return redirect(found)
    kept = kept_files(found)
    if request.method != "POST":
        return _form(
            request, found, ApplicationForm(found.programme, answers=found.answers, kept=kept, is_first=False)
        )
    form = ApplicationForm(found.programme, request.POST, request.FILES, kept=kept, is_first=False)
    if not form.is_valid():
        return _form(request, found, form, status=INVALID)
    try:
        correcting.correct(
            found,
            answers=form.handed_in(),
            uploads=form.uploads(),
            by=current_user(request),
            address=client_address(request),
        )
    except Refusal as refusal:
        form.add_error(None, refusal.sentence)
        return _form(request, found, form, status=refusal.status)
    messages.success(request, "Your answers are corrected. Your place in the queue is the same.")
    return redirect(found)


@require_safe
@login_required
@never_cache
def export(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """Everything about one's application, as JSON."""
    found = own(request, slug, reference)
    response = JsonResponse(correcting.as_json(found), json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="{found.reference}.json"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def delete(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """Ask whether what was written shall be deleted, and delete it; one that is open is withdrawn first."""
    found = own(request, slug, reference)
    if request.method != "POST":
        context = {"application": found, "is_erased": correcting.is_erased(found)}
        return render(request, "admissions/delete.html", context)
    by, address = current_user(request), client_address(request)
    if found.is_open:
        found = actions.withdraw(found, by=by, address=address)
    correcting.erase(found, by=by, address=address)
    messages.success(request, "What you wrote is deleted.")
    return redirect("admissions:application", slug, reference)


def _form(
    request: HttpRequest, found: Application, form: ApplicationForm, *, status: int = 200
) -> HttpResponse:
    context = {"application": found, "programme": found.programme, "form": form}
    return render(request, "admissions/correct.html", context, status=status)
