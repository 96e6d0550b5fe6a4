"""Following an application: its status page, answering a reviewer, and withdrawing."""

from itertools import pairwise

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.sessions import current_user
from portal.admissions import actions
from portal.admissions.applications import timelines
from portal.admissions.forms import AppealForm, InformationForm, MessageForm
from portal.admissions.models import WAITING_STATUSES, AnswerFile, Application
from portal.common.requests import client_address, is_htmx
from portal.common.statuses import INVALID

# The ranges in which an applicant is told how many wait before them.
PLACES = (10, 50, 100, 500, 1_000)


@require_safe
@login_required
@never_cache
def application(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """One of the person's applications, under way or ended."""
    found = own(request, slug, reference)
    return redirect(found.programme) if found.is_draft else status_page(request, found)


@require_POST
@login_required
def answer(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """Answer what a reviewer asked; the page in place for htmx."""
    found = own(request, slug, reference)
    form = InformationForm(request.POST)
    if not form.is_valid():
        return status_page(request, found, form, status=INVALID)
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


@require_POST
@login_required
def appeal(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """Ask for another reviewer's decision; the page in place for htmx."""
    found = own(request, slug, reference)
    form = AppealForm(request.POST)
    if not form.is_valid():
        return status_page(request, found, appeal_form=form, status=INVALID)
    appealed = actions.appeal(
        found,
        by=current_user(request),
        message=form.cleaned_data["message"],
        address=client_address(request),
    )
    if is_htmx(request):
        return status_page(request, appealed)
    messages.success(request, "Your appeal is with the reviewers.")
    return redirect(appealed)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def withdraw(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """Ask whether the application shall be taken back, and take it back."""
    found = own(request, slug, reference)
    if request.method != "POST" and found.is_open:
        return render(request, "admissions/withdraw.html", {"application": found})
    if request.method == "POST":
        actions.withdraw(found, by=current_user(request), address=client_address(request))
        messages.success(request, "Your application is withdrawn. You can apply again whenever you like.")
    return redirect(found.programme)


@require_safe
@login_required
@never_cache
def file(request: HttpRequest, slug: str, reference: str, code: str) -> HttpResponse:
    """A file that the person handed in."""
    kept = get_object_or_404(AnswerFile, application=own(request, slug, reference), code=code)
    return file_answer(kept)


def file_answer(kept: AnswerFile) -> HttpResponse:
    """A file as a download: what a stranger made is never shown under the portal's name."""
    response = HttpResponse(bytes(kept.content), content_type="application/pdf")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=kept.name)
    response["X-Content-Type-Options"] = "nosniff"
    return response


def place_in_words(found: Application) -> str:
    """How many wait before it, as a range: reviewers may take others first, so it is no promise. One query.

    "" where it does not wait.
    """
    if found.status not in WAITING_STATUSES:
        return ""
    before = Application.objects.before(found).count_up_to(PLACES[-1])
    if not before:
        return "No other application waits before yours."
    for least, most in pairwise((0, *PLACES)):
        if before <= most:
            return f"Between {least + 1:,} and {most:,} applications wait before yours."
    return f"More than {PLACES[-1]:,} applications wait before yours."


def status_page(
    request: HttpRequest,
    found: Application,
    form: InformationForm | None = None,
    *,
    appeal_form: AppealForm | None = None,
    message_form: MessageForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Where the application stands, or for htmx the part of the page that changes."""
    earlier = found.programme.applications.visible_to(current_user(request)).newest_first()
    has_newer = earlier.live().exclude(pk=found.pk).exists()
    wait_until = found.may_apply_again_from
    must_wait = wait_until is not None and wait_until > timezone.now()
    context = {
        "application": found,
        "programme": found.programme,
        "entries": timelines.for_applicant(found),
        "form": form or InformationForm(),
        "earlier": earlier.exclude(pk=found.pk).received(),
        "may_apply_again": found.has_ended
        and found.programme.takes_applications()
        and not has_newer
        and not must_wait,
        "wait_until": wait_until if must_wait and not has_newer else None,
        "place": place_in_words(found),
        "drawn_in": found.wave_candidates.select_related("wave").order_by("-wave__drawn_at"),
        "appeal_form": appeal_form or AppealForm(),
        "message_form": message_form or MessageForm(),
        "may_appeal": found.is_appealable and not has_newer,
    }
    template = (
        "admissions/application.html#application" if is_htmx(request) else "admissions/application.html"
    )
    return render(request, template, context, status=status)


def own(request: HttpRequest, slug: str, reference: str) -> Application:
    """The person's application; anybody else's is not found."""
    mine = Application.objects.visible_to(current_user(request)).select_related(
        "programme", "team", "referral__code"
    )
    return get_object_or_404(mine, programme__slug=slug, reference=reference)
