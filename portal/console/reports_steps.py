"""What staff do with a report: take it up, decide, say where it is fixed, give it to somebody, write."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from playground.reporting import actions
from playground.reporting.models import Report
from portal.accounts.models import User
from portal.accounts.roles import TRIAGE, holders_of
from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.console.applications_filters import filters_of
from portal.console.gatekeeping import staff_with
from portal.console.reports import found_report, report_page
from portal.console.reports_forms import DecisionForm, FixForm
from portal.console.reviewing_forms import number_in, text_in

Act = Callable[[Report, HttpRequest, User, str], str]


def _begin(found: Report, _: HttpRequest, by: User, address: str) -> str:
    actions.begin_triage(found, by=by, address=address)
    return f"You look into {found.reference}. Its reporter is told."


def _accept(found: Report, request: HttpRequest, by: User, address: str) -> str:
    actions.accept(found, by=by, message=text_in(request.POST, "message"), address=address)
    return f"{found.reference} is accepted. Make a regression case of it, so that it does not come back."


def _dismiss(found: Report, request: HttpRequest, by: User, address: str) -> str:
    reason, message = request.POST.get("reason", ""), text_in(request.POST, "message")
    actions.dismiss(found, by=by, reason=reason, message=message, address=address)
    return f"{found.reference} is dismissed. Its reporter is told why."


def _message(found: Report, request: HttpRequest, by: User, address: str) -> str:
    actions.write_to_reporter(found, by=by, message=text_in(request.POST, "message"), address=address)
    return "The message is on its way."


def _note(found: Report, request: HttpRequest, by: User, address: str) -> str:
    actions.add_note(found, by=by, text=text_in(request.POST, "text"), address=address)
    return "The note is kept."


def _assign(found: Report, request: HttpRequest, by: User, address: str) -> str:
    chosen = holders_of(TRIAGE).filter(pk=number_in(request.POST, "to") or 0)
    to = by if "me" in request.POST else chosen.first()
    if to is None:
        raise Refusal("nobody_chosen", "Choose who gets it.", status=422)
    actions.assign(found, to=to, by=by, address=address)
    return f"{found.reference} is assigned to {'you' if to == by else to}."


def _let_go(found: Report, _: HttpRequest, by: User, address: str) -> str:
    actions.let_go(found, by=by, address=address)
    return f"{found.reference} is in the queue for everybody."


def _rate(found: Report, request: HttpRequest, by: User, address: str) -> str:
    actions.rate(found, severity=number_in(request.POST, "severity") or 0, by=by, address=address)
    return "The severity is set."


STEPS: dict[str, Act] = {
    "begin": _begin,
    "accept": _accept,
    "dismiss": _dismiss,
    "message": _message,
    "note": _note,
    "assign": _assign,
    "let-go": _let_go,
    "rate": _rate,
}


@require_POST
@staff_with(TRIAGE)
@never_cache
@sensitive_post_parameters("message", "text")
def step(request: HttpRequest, reference: str, name: str) -> HttpResponse:
    """Do one of STEPS, and show the report as it is then; what was refused is shown with what was typed."""
    found = found_report(reference)
    if name not in STEPS:
        raise Http404
    try:
        done = STEPS[name](found, request, current_user(request), client_address(request))
    except Refusal as refusal:
        typed = {field: request.POST.get(field, "") for field in ("message", "reason")}
        form, note = DecisionForm(initial=typed), request.POST.get("text", "")
        return report_page(request, found_report(reference), form=form, refusal=refusal, note=note)
    messages.success(request, done)
    return _back(request, reference)


@require_POST
@staff_with(TRIAGE)
@never_cache
def fix(request: HttpRequest, reference: str) -> HttpResponse:
    """Say in which revision it is fixed."""
    found = found_report(reference)
    form = FixForm(request.POST, report=found)
    if not form.is_valid():
        return report_page(request, found, fix_form=form)
    revision = form.cleaned_data["revision"]
    try:
        actions.mark_fixed(
            found, revision=revision, by=current_user(request), address=client_address(request)
        )
    except Refusal as refusal:
        return report_page(request, found_report(reference), refusal=refusal)
    messages.success(request, f"{found.reference} is fixed in {revision.commit[:12]}. Its reporter is told.")
    return _back(request, reference)


def _back(request: HttpRequest, reference: str) -> HttpResponse:
    query = filters_of(request.GET).urlencode()
    path = reverse("console:report", args=[reference])
    return redirect(f"{path}?{query}" if query else path)
