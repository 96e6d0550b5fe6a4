"""Waves in the console: the list, planning with a preview, and how far one is."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.models import User
from portal.accounts.roles import REVIEW, may_review
from portal.accounts.sessions import current_user
from portal.admissions.choosing import Policy
from portal.admissions.models import CHOSEN_OUTCOMES, CandidateOutcome, Programme, Wave, WaveCandidate
from portal.admissions.waves import actions as waves
from portal.admissions.waves.previews import PEOPLE_SHOWN, preview_of
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.waves_forms import WaveForm
from portal.keys.loads import load_of
from portal.ledger.models import Entry

PAGE_SIZE = 50
CANDIDATES_SHOWN = 100


@require_safe
@staff_with(REVIEW)
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """Every wave, the latest first, with how many are in. Three queries."""
    found = Wave.objects.select_related("programme")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    chosen = WaveCandidate.objects.filter(wave__in=[one.pk for one in page], outcome__in=CHOSEN_OUTCOMES)
    counts = dict(chosen.order_by().values_list("wave").annotate(number=Count("pk")))
    rows = [(one, counts.get(one.pk, 0)) for one in page]
    return render(request, "console/waves/index.html", {"page": page, "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(REVIEW)
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """Write a wave's policy, see who would be in, and plan it."""
    form = WaveForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _form_page(request, form)
    by, kept = current_user(request), form.cleaned_data
    if "preview" in request.POST:
        return _form_page(request, form, **_preview(kept["programme"], form.policy(), by=by))
    try:
        planned = waves.plan(
            kept["programme"],
            name=kept["name"],
            policy=form.policy(),
            scheduled_at=kept["scheduled_at"],
            by=by,
            address=client_address(request),
        )
    except Refusal as refusal:
        form.add_error("scheduled_at" if refusal.code == "time_past" else None, refusal.sentence)
        return _form_page(request, form)
    messages.success(request, "The wave is planned. Its seed is sealed until it is drawn.")
    return redirect(planned)


@require_safe
@staff_with(REVIEW)
@never_cache
def wave(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The policy, the seed's seal, who is in or would be, and how far it is; for htmx the progress alone."""
    found = _found(pk)
    context = {"wave": found, "may_decide": may_review(found.by)} | _progress(found)
    if is_htmx(request):
        return render(request, "console/waves/wave.html#progress", context)
    if found.is_planned:
        context |= _preview(found.programme, found.policy, by=found.by)
    else:
        context |= _candidates(request, found)
    context["entries"] = Entry.objects.about(found)
    return render(request, "console/waves/wave.html", context)


@require_POST
@staff_with(REVIEW)
def release(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have it released now, in the name of whoever asks."""
    forward = waves.bring_forward(_found(pk), by=current_user(request), address=client_address(request))
    messages.success(request, "It is released within a moment, in your name.")
    return redirect(forward)


@require_POST
@staff_with(REVIEW)
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Call it off."""
    cancelled = waves.cancel(_found(pk), by=current_user(request), address=client_address(request))
    messages.success(request, "The wave is cancelled, and nobody was admitted. Its seed is opened.")
    return redirect(cancelled)


def _found(pk: UUID) -> Wave:
    return get_object_or_404(Wave.objects.select_related("programme", "by"), pk=pk)


def _form_page(request: HttpRequest, form: WaveForm, **preview: Any) -> HttpResponse:
    context = {"form": form} | preview
    return render(request, "console/waves/new.html", context, status=INVALID if form.errors else 200)


def _preview(programme: Programme, policy: Policy, *, by: User) -> dict[str, Any]:
    """Who would be in, and what they would ask of the model servers. Five queries."""
    seen = preview_of(programme, policy, by=by)
    return {
        "preview": seen,
        "people_shown": PEOPLE_SHOWN,
        "load": load_of(programme, people=seen.chosen, today=timezone.now().date()),
    }


def _progress(found: Wave) -> dict[str, Any]:
    """How many of those in have had their turn. One query."""
    counts = found.count_by_outcome()
    chosen = sum(counts.get(outcome, 0) for outcome in CHOSEN_OUTCOMES)
    return {
        "chosen_count": chosen,
        "ended_count": chosen - counts.get(CandidateOutcome.PENDING, 0),
        "considered_count": sum(counts.values()),
        "counts": [(value, label, counts.get(value, 0)) for value, label in CandidateOutcome.choices],
    }


def _candidates(request: HttpRequest, found: Wave) -> dict[str, Any]:
    rows = found.candidates.select_related("application__applicant", "application__programme")
    shown = request.GET.get("outcome", "")
    rows = rows.filter(outcome__in=[shown] if shown in CandidateOutcome.values else CHOSEN_OUTCOMES)
    page = Paginator(rows, CANDIDATES_SHOWN).get_page(request.GET.get("page"))
    return {"page": page, "chosen_outcome": shown}
