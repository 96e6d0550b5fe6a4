"""Reporting an answer or a release, and following one's own reports."""

from collections.abc import Callable
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from playground.reporting import actions, timelines
from playground.reporting.forms import AnswerReportForm, MessageForm, ReleaseReportForm
from playground.reporting.models import Report
from playground.views.entering import own_answer, person_required
from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID

REPORTS_A_PAGE = 20


@require_safe
@never_cache
@person_required
def index(request: HttpRequest) -> HttpResponse:
    """One's reports, the newest first."""
    mine = Report.objects.visible_to(current_user(request)).select_related("release").order_by("-reported_at")
    page = Paginator(mine, REPORTS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "playground/reports.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("description", "prompt", "answer")
@person_required
def new(request: HttpRequest) -> HttpResponse:
    """Report what a release did anywhere; `?release=` chooses it."""
    user, address = current_user(request), client_address(request)
    initial = {"token": uuid4(), "release": request.GET.get("release", "")}
    form = ReleaseReportForm(request.POST or None, by=user, initial=initial)

    def file() -> Report:
        release = form.cleaned_data["release"]
        return actions.report_release(release, form.told(), by=user, address=address, **form.facts())

    if filed := _filed(request, form, file):
        return redirect(filed)
    status = INVALID if form.is_bound else 200
    return render(request, "playground/report_new.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("description")
@person_required
def new_of_answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Report one of one's own answers in the playground."""
    answer, user, address = own_answer(request, pk), current_user(request), client_address(request)
    form = AnswerReportForm(request.POST or None, initial={"token": uuid4()})

    def file() -> Report:
        may_read = form.cleaned_data["may_read"]
        return actions.report_answer(answer, form.told(), may_read=may_read, by=user, address=address)

    if filed := _filed(request, form, file):
        return redirect(filed)
    context = {"form": form, "answer": answer, "talk": answer.turn.conversation}
    status = INVALID if form.is_bound else 200
    return render(request, "playground/report_answer.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("message")
@person_required
def report(request: HttpRequest, reference: str) -> HttpResponse:
    """One of one's own reports: where it stands, what staff wrote, and writing to them."""
    user = current_user(request)
    mine = Report.objects.visible_to(user).select_related("release", "generation__turn__conversation")
    found = get_object_or_404(mine, reference=reference)
    form = MessageForm(request.POST or None)
    if form.is_valid():
        message, address = form.cleaned_data["message"], client_address(request)
        try:
            actions.write_to_staff(found, by=user, message=message, address=address)
        except Refusal as refusal:
            form.add_error("message", refusal.sentence)
        else:
            messages.success(request, "Your message is with staff.")
            return redirect(found)
    status = INVALID if form.is_bound else 200
    context = {"report": found, "entries": timelines.for_reporter(found), "form": form}
    return render(request, "playground/report.html", context, status=status)


def _filed(request: HttpRequest, form: Form, file: Callable[[], Report]) -> Report | None:
    """The report that a form asks for; None when it was not sent, or not as it should, which it then says."""
    if not form.is_valid():
        return None
    try:
        made = file()
    except Refusal as refusal:
        form.add_error(None, refusal.sentence)
        return None
    messages.success(request, f"Thank you. Your report is {made.reference}: this page shows how it goes on.")
    return made
