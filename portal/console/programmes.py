"""The staff's pages of programmes: their terms, and the questions that they ask."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.sessions import current_user
from portal.admissions.models import WAITING_STATUSES, ApplicationStatus, Programme, Question
from portal.admissions.programmes import actions as programme_actions
from portal.admissions.programmes.paces import pace_of
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.programmes_forms import ProgrammeForm, QuestionForm

CHANGE = "admissions.change_programme"


@require_safe
@staff_with(CHANGE)
def index(request: HttpRequest) -> HttpResponse:
    """Every programme with how many wait and are approved. One query and the session's."""
    approved = Q(applications__status=ApplicationStatus.APPROVED)
    waiting = Q(applications__status__in=WAITING_STATUSES)
    rows = Programme.objects.annotate(
        approved_count=Count("applications", filter=approved),
        waiting_count=Count("applications", filter=waiting),
    ).order_by("name")
    return render(request, "console/programmes/index.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(CHANGE)
def new(request: HttpRequest) -> HttpResponse:
    """Make a programme; its questions are written next."""
    form = ProgrammeForm(request.POST or None)
    if not form.is_valid():
        return _terms_page(request, form, status=INVALID if form.is_bound else 200)
    made = programme_actions.create_programme(
        form.terms(),
        releases=form.cleaned_data["releases"],
        by=current_user(request),
        address=client_address(request),
    )
    messages.success(request, f"{made.name} is made. It takes no applications until you open it.")
    return redirect("console:programme", made.slug)


@require_safe
@staff_with(CHANGE)
def programme(request: HttpRequest, slug: str) -> HttpResponse:
    """One programme: whether it is open, its terms and its questions. Five queries and the session's."""
    found = get_object_or_404(Programme.objects.prefetch_related("releases", "questions"), slug=slug)
    context = {
        "programme": found,
        "questions": found.questions.all(),
        "criteria": found.criteria.all(),
        "pace": pace_of(found),
    }
    return render(request, "console/programmes/programme.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(CHANGE)
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Give it other terms."""
    found = get_object_or_404(Programme, slug=slug)
    # The form writes into its instance even when it is wrong, and the page shows what is in force.
    form = ProgrammeForm(request.POST or None, instance=Programme.objects.get(pk=found.pk))
    if not form.is_valid():
        return _terms_page(request, form, found, status=INVALID if form.is_bound else 200)
    programme_actions.change_programme(
        found,
        form.terms(),
        releases=form.cleaned_data["releases"],
        by=current_user(request),
        address=client_address(request),
    )
    messages.success(request, "Saved. Applications that were submitted keep the terms they had.")
    return redirect("console:programme", slug)


@require_POST
@staff_with(CHANGE)
def turn(request: HttpRequest, slug: str, way: str) -> HttpResponse:
    """Open it to applications, or close it."""
    found = get_object_or_404(Programme, slug=slug)
    act = programme_actions.open_programme if way == "open" else programme_actions.close_programme
    act(found, by=current_user(request), address=client_address(request))
    messages.success(request, found.closed_sentence() or f"{found.name} takes applications.")
    return redirect("console:programme", slug)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(CHANGE)
def question(request: HttpRequest, slug: str, pk: int | None = None) -> HttpResponse:
    """Write a question, or write it anew."""
    found = get_object_or_404(Programme, slug=slug)
    asked = get_object_or_404(found.questions, pk=pk) if pk else None
    form = QuestionForm(found, request.POST or None, instance=asked or Question(programme=found))
    if form.is_valid():
        try:
            programme_actions.save_question(
                found,
                get_object_or_404(found.questions, pk=pk) if pk else None,
                form.cleaned_data,
                by=current_user(request),
                address=client_address(request),
            )
        except Refusal as refusal:
            form.add_error(None, refusal.sentence)
        except ValidationError as error:
            form.add_error(None, error.messages[0])
        else:
            return redirect("console:programme", slug)
    context = {"form": form, "programme": found, "line": asked, **_words_of_question(found, asked)}
    return render(request, "console/programmes/line.html", context, status=INVALID if form.is_bound else 200)


@require_POST
@staff_with(CHANGE)
def question_step(request: HttpRequest, slug: str, pk: int, step: str) -> HttpResponse:
    """Ask it earlier or later, or no more."""
    asked = get_object_or_404(Question.objects.select_related("programme"), programme__slug=slug, pk=pk)
    by, address = current_user(request), client_address(request)
    try:
        if step == "remove":
            programme_actions.remove_question(asked, by=by, address=address)
            messages.success(request, f"“{asked.label}” is asked no more. Answers to it are kept.")
        else:
            programme_actions.move_question(asked, up=step == "up", by=by, address=address)
    except Refusal as refusal:
        messages.error(request, refusal.sentence)
    return redirect("console:programme", slug)


def _words_of_question(programme: Programme, asked: Question | None) -> dict[str, str]:
    """What the page of a question says."""
    if asked is None:
        return {"title": "New question", "lede": "It is asked last; move it up afterwards."}
    return {
        "title": "Change the question",
        "lede": "Applications that were submitted keep the wording that they answered.",
        "remove_url": reverse("console:question_step", args=[programme.slug, asked.pk, "remove"]),
        "remove_label": "Ask it no more",
    }


def _terms_page(
    request: HttpRequest, form: ProgrammeForm, found: Programme | None = None, *, status: int
) -> HttpResponse:
    context = {"form": form, "programme": found}
    return render(request, "console/programmes/terms.html", context, status=status)
