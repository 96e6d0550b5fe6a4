"""The review queue, one application, and the decision on it."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.sessions import current_user
from portal.admissions import timelines
from portal.admissions.models import WAITING_STATUSES, Application, ApplicationQuerySet, ApplicationStatus
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.common.transitions import IllegalMove, LostRace
from portal.console.applications_forms import DecisionForm, choices_for
from portal.console.gatekeeping import staff_with

REVIEW = "admissions.review_application"
PAGE_SIZE = 25
INVALID = 422


@require_safe
@staff_with(REVIEW)
def queue(request: HttpRequest) -> HttpResponse:
    """The applications in one state, or those that wait for a reviewer, the oldest first. Three queries."""
    sought = request.GET.get("q", "").strip().replace("\x00", "")
    chosen = request.GET.get("status", "waiting")
    received = Application.objects.received().matching(sought)
    found = _filtered(received, chosen).order_by("submitted_at", "pk")
    context = {
        "page": Paginator(found.select_related("applicant", "programme"), PAGE_SIZE).get_page(
            request.GET.get("page")
        ),
        "tabs": _tabs(received.count_by_status(), chosen),
        "chosen": chosen,
        "sought": sought,
    }
    return render(request, "console/applications/queue.html", context)


@require_safe
@staff_with(REVIEW)
@never_cache
def application(request: HttpRequest, reference: str) -> HttpResponse:
    """One application with everything that a decision needs. Four queries."""
    return _review(request, _received(reference), DecisionForm())


@require_POST
@staff_with(REVIEW)
def decide(request: HttpRequest, reference: str) -> HttpResponse:
    """Carry out a decision; a reviewer who comes second is shown what the first one did."""
    found = _received(reference)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _review(request, found, form, status=INVALID)
    try:
        decided = form.carry_out(found, by=current_user(request), address=client_address(request))
    except (LostRace, IllegalMove) as refusal:
        return _review(request, _received(reference), form, refusal=refusal)
    messages.success(request, f"{decided.reference} {form.choice.done}.")
    return _review(request, decided, DecisionForm()) if is_htmx(request) else redirect(_path(decided))


def _received(reference: str) -> Application:
    everything = Application.objects.received().select_related("applicant", "programme", "decided_by")
    return get_object_or_404(everything, reference=reference)


def _path(found: Application) -> str:
    return f"/console/applications/{found.reference}/"


def _review(
    request: HttpRequest,
    found: Application,
    form: DecisionForm,
    *,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page about one application; for htmx the part that a decision changes."""
    entries = timelines.for_staff(found)
    waiting = Application.objects.received().awaiting_review().exclude(pk=found.pk)
    context = {
        "application": found,
        "entries": entries,
        "seen": max((entry["pk"] for entry in entries), default=0),
        "choices": choices_for(found),
        "is_own": found.applicant_id == request.user.pk,
        "form": form,
        "refusal": refusal,
        "following": waiting.first(),
        "others": _others(found),
        "is_fragment": is_htmx(request),
    }
    fragment = "console/applications/application.html#review"
    template = fragment if is_htmx(request) else "console/applications/application.html"
    response = render(request, template, context, status=refusal.status if refusal else status)
    if is_htmx(request) and status != INVALID:
        # What happened stands at the top of the page, and the buttons at its end.
        response["HX-Reswap"] = "outerHTML show:top showTarget:body"
    return response


def _others(found: Application) -> ApplicationQuerySet:
    """What else this person sent in, newest first."""
    theirs = Application.objects.received().filter(applicant=found.applicant_id).exclude(pk=found.pk)
    return theirs.select_related("programme").newest_first()


def _filtered(received: ApplicationQuerySet, chosen: str) -> ApplicationQuerySet:
    if chosen == "all":
        return received
    if chosen in ApplicationStatus.values:
        return received.filter(status=chosen)
    return received.filter(status__in=WAITING_STATUSES)


def _tabs(counts: dict[str, int], chosen: str) -> list[tuple[str, str, int]]:
    """Each filter that shows anything: its value, its label, and how many applications it shows."""
    waiting = sum(counts.get(status, 0) for status in WAITING_STATUSES)
    states = [
        (status.value, str(status.label), counts.get(status, 0))
        for status in ApplicationStatus
        if counts.get(status) or status == chosen
    ]
    return [("waiting", "Waiting for you", waiting), *states, ("all", "All", sum(counts.values()))]
