"""The review queue, one application, and the decision on it."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.models import User
from portal.accounts.roles import REVIEW
from portal.accounts.sessions import current_user
from portal.admissions.applications import signals, timelines
from portal.admissions.applications.conditions import has_declined
from portal.admissions.models import (
    WAITING_STATUSES,
    AnswerFile,
    Application,
    ApplicationQuerySet,
    ApplicationStatus,
    ReplyTemplate,
)
from portal.admissions.models.reviewing import SCORE_MAX, SCORE_MIN
from portal.admissions.reviewing.rubrics import lines_of
from portal.admissions.teams import oversight as team_oversight
from portal.admissions.views.following import file_answer
from portal.common.keyset import page_of
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.common.statuses import INVALID
from portal.common.transitions import IllegalMove, LostRace
from portal.console.applications_filters import QueueForm, filters_of
from portal.console.applications_forms import DecisionForm, choices_for
from portal.console.gatekeeping import staff_with
from portal.console.saved_views import views_of

PAGE_SIZE = 25
# What no row of the queue shows.
UNSEEN = ("search_words", "words", "answers", "asked")
# What is more is said to be more.
COUNTED_MAX = 1_000
DRAFT = ApplicationStatus.DRAFT


@require_safe
@staff_with(REVIEW)
def queue(request: HttpRequest) -> HttpResponse:
    """The applications that fit, the oldest first. Six queries, however many there are."""
    form = QueueForm(request.GET, reviewer=current_user(request))
    chosen = form.status_chosen
    # Of what is narrowed down only the chosen state is counted.
    counts = None if form.is_narrowed else form.in_all_states().count_by_status(up_to=COUNTED_MAX)
    tabs = _tabs(counts, chosen)
    context = {
        "form": form,
        "page": page_of(
            form.found().select_related("applicant", "programme", "assignee").defer(*UNSEEN),
            by="submitted_at",
            before=request.GET.get("before", ""),
            after=request.GET.get("after", ""),
            size=PAGE_SIZE,
        ),
        "tabs": tabs,
        "found_count": form.found().count_up_to(COUNTED_MAX)
        if counts is None
        else next(number for value, _, number in tabs if value == chosen),
        "counted_max": COUNTED_MAX,
        "chosen": chosen,
        "query": filters_of(request.GET).urlencode(),
        "views": views_of(current_user(request)),
        "reviewers": form.reviewers,
    }
    return render(request, "console/applications/queue.html", context)


@require_safe
@staff_with(REVIEW)
@never_cache
def application(request: HttpRequest, reference: str) -> HttpResponse:
    """One application with everything that a decision needs. Fifteen queries, and one for each signal."""
    return review_page(request, received(reference), DecisionForm())


@require_safe
@staff_with(REVIEW)
@never_cache
def file(_: HttpRequest, reference: str, code: str) -> HttpResponse:
    """A file that the applicant handed in."""
    return file_answer(get_object_or_404(AnswerFile, application=received(reference), code=code))


@require_POST
@staff_with(REVIEW)
def decide(request: HttpRequest, reference: str) -> HttpResponse:
    """Carry out a decision; a reviewer who comes second is shown what the first one did."""
    found = received(reference)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return review_page(request, found, form, status=INVALID)
    try:
        decided = form.carry_out(found, by=current_user(request), address=client_address(request))
    except (LostRace, IllegalMove) as refusal:
        return review_page(request, received(reference), form, refusal=refusal)
    except Refusal as refusal:
        if refusal.code in team_oversight.REFUSED_SEATS:
            form.add_error("seats", refusal.sentence)
            return review_page(request, found, form, status=INVALID)
        return review_page(request, received(reference), form, refusal=refusal)
    is_proposed = decided.status != form.choice.to
    done = "waits for a second reviewer to agree" if is_proposed else form.choice.done
    messages.success(request, f"{decided.reference} {done}.")
    if is_htmx(request):
        return review_page(request, decided, DecisionForm(), is_decided=True)
    return redirect(with_filters(request, _path(decided)))


def with_filters(request: HttpRequest, path: str) -> str:
    """`path` with the filters of the list from which the reviewer came."""
    query = filters_of(request.GET).urlencode()
    return f"{path}?{query}" if query else path


def received(reference: str) -> Application:
    """One that was submitted. Raises Http404."""
    everything = Application.objects.received().select_related(
        *("applicant", "programme", "decided_by", "appealed_from", "assignee", "proposal__by"),
        *("team", "referral__code"),
    )
    return get_object_or_404(everything, reference=reference)


def _path(found: Application) -> str:
    return f"/console/applications/{found.reference}/"


def review_page(
    request: HttpRequest,
    found: Application,
    form: DecisionForm,
    *,
    refusal: Refusal | None = None,
    note: str = "",
    status: int = 200,
    is_decided: bool = False,
) -> HttpResponse:
    """The page about one application; for htmx the part that a decision changes.

    Once it `is_decided`, the keyboard stands on the way to the next one.
    """
    entries = timelines.for_staff(found)
    choices = choices_for(found)
    queue_form = QueueForm(request.GET, reviewer=current_user(request))
    context = {
        **_among_reviewers(found, current_user(request)),
        "reviewers": queue_form.reviewers,
        "application": found,
        "entries": entries,
        "note": note,
        "seen": max((entry["pk"] for entry in entries), default=0),
        "choices": choices,
        "may_decline": any(choice.to == ApplicationStatus.DECLINED for choice in choices),
        "is_own_decision": found.is_appeal and has_declined(found, current_user(request)),
        "is_own": found.applicant_id == request.user.pk,
        "form": form,
        "refusal": refusal,
        "following": _following(queue_form, found),
        "query": filters_of(request.GET).urlencode(),
        "back_url": with_filters(request, reverse("console:applications")),
        "others": _others(found),
        "files_url": f"{_path(found)}files/",
        "signals": signals.signals_of(found),
        "is_fragment": is_htmx(request),
        "is_decided": is_decided,
    }
    fragment = "console/applications/application.html#review"
    template = fragment if is_htmx(request) else "console/applications/application.html"
    response = render(request, template, context, status=refusal.status if refusal else status)
    if is_htmx(request) and status != INVALID:
        # What happened stands at the top of the page, and the buttons at its end.
        response["HX-Reswap"] = "outerHTML show:top showTarget:body"
    return response


def _among_reviewers(found: Application, reviewer: User) -> dict[str, Any]:
    """What reviewers keep about it, as one of them sees it."""
    return {
        "has_conflict": found.conflicts.filter(by=reviewer).exists(),
        "is_hidden": found.is_hidden_from(reviewer),
        "proposal": getattr(found, "proposal", None) if found.programme.needs_second_reviewer else None,
        "rubric": lines_of(found, reviewer),
        "scale": range(SCORE_MIN, SCORE_MAX + 1),
        "replies": ReplyTemplate.objects.only("pk", "name"),
    }


def _following(form: QueueForm, found: Application) -> Application | None:
    """The next one in the list that the reviewer came from, begun anew at its end."""
    rows = form.found().exclude(pk=found.pk).order_by("submitted_at", "pk")
    later = rows.filter(submitted_at__gte=found.submitted_at).filter(
        Q(submitted_at__gt=found.submitted_at) | Q(pk__gt=found.pk)
    )
    return later.first() or rows.first()


def _others(found: Application) -> ApplicationQuerySet:
    """What else this person sent in, newest first."""
    theirs = Application.objects.received().filter(applicant=found.applicant_id).exclude(pk=found.pk)
    return theirs.select_related("programme").newest_first()


def _tabs(counts: dict[str, int] | None, chosen: str) -> list[tuple[str, str, int | None]]:
    """Each state that shows anything: its value, its label, and how many it shows, where that is counted."""
    if counts is None:
        states = [(status.value, str(status.label), None) for status in ApplicationStatus if status != DRAFT]
        return [("waiting", "Waiting for you", None), *states, ("all", "All", None)]
    waiting = sum(counts[status] for status in WAITING_STATUSES)
    shown = [
        (status.value, str(status.label), counts[status])
        for status in ApplicationStatus
        if counts[status] or status == chosen
    ]
    return [("waiting", "Waiting for you", waiting), *shown, ("all", "All", sum(counts.values()))]
