"""Comparisons: choosing columns, asking all of them, stopping, voting, and the list of one's own."""

from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import reswap, retarget, trigger_client_event

from playground import actions
from playground.comparing import answers_of, board_of
from playground.comparing_forms import (
    ALL_BAD,
    TIE,
    Choice,
    ColumnForm,
    NewComparisonForm,
    RoundForm,
    TitleForm,
    VoteForm,
    blank_columns,
    blank_round,
    changed_columns,
    choices_for,
    columns_like,
    typed_columns,
)
from playground.models import Comparison, Generation, Verdict
from playground.models.comparisons import COLUMNS_MAX, COLUMNS_MIN
from playground.views import pages, sending
from playground.views.columns import board_context, own_comparison
from playground.views.entering import is_htmx, person_required
from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.statuses import INVALID

COMPARISONS_SHOWN = 50


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters()
@person_required
def new(request: HttpRequest) -> HttpResponse:
    """Choose columns and ask them; `?column=` names some, `?like=` a comparison whose columns are taken.

    `?change=` of a form that is sent adds or removes a column, and asks nothing.
    """
    choices = choices_for(current_user(request))
    if not choices:
        return pages.gate(request)
    if request.method != "POST":
        form = NewComparisonForm(initial={"token": uuid4(), "is_blind": "blind" in request.GET})
        return _new_page(request, form, _wanted_columns(request, choices))
    if change := request.GET.get("change"):
        form = NewComparisonForm(initial=request.POST.dict())
        return _new_page(request, form, changed_columns(request.POST, choices, change))
    form, columns = NewComparisonForm(request.POST), typed_columns(request.POST, choices)
    if not all([form.is_valid(), *(column.is_valid() for column in columns)]):
        return _new_page(request, form, columns, status=INVALID)
    made = actions.compare([column.column() for column in columns], **form.asked, **sending.asker(request))
    return redirect(made)


@require_safe
@never_cache
@person_required
def comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One comparison as it stands."""
    return _page(request, own_comparison(request, pk), blank_round())


@require_POST
@never_cache
@sensitive_post_parameters()
@person_required
def send(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask all columns the next thing."""
    found, form = own_comparison(request, pk), RoundForm(request.POST)
    if not form.is_valid():
        if is_htmx(request):
            return _composer(request, found, form)
        return _page(request, found, form, status=INVALID)
    actions.ask(found, **form.asked, **sending.asker(request))
    return _changed(request, found)


@require_POST
@never_cache
@person_required
def stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop all columns. Their streams tell the page how they ended."""
    found = own_comparison(request, pk)
    actions.stop_all(found, by=current_user(request))
    return HttpResponse(status=sending.NO_CONTENT) if is_htmx(request) else redirect(found)


@require_POST
@never_cache
@person_required
def retry(request: HttpRequest, pk: UUID, answer_pk: UUID) -> HttpResponse:
    """Ask one column again whose answer failed or was stopped."""
    found = own_comparison(request, pk)
    mine = Generation.objects.asked_by(current_user(request)).with_story()
    failed = get_object_or_404(mine, pk=answer_pk, turn__conversation__comparison=found)
    actions.ask_again(found, failed, **sending.asker(request))
    return _changed(request, found)


@require_POST
@never_cache
@person_required
def vote(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keep what the person thinks of a round, and tell which column is which."""
    found, form = own_comparison(request, pk), VoteForm(request.POST)
    if not form.is_valid():
        raise Refusal("no_such_answer", "Choose one of the answers of this round.", status=INVALID)
    number, choice = form.cleaned_data["round"], form.cleaned_data["choice"]
    answers = answers_of(found, number)
    winner = next((one for one in answers if str(one.pk) == choice), None)
    words = {TIE: Verdict.TIE, ALL_BAD: Verdict.ALL_BAD}
    verdict = words.get(choice, Verdict.ONE_IS_BETTER)
    actions.vote(found, round_number=number, answers=answers, verdict=verdict, winner=winner)
    return _changed(request, own_comparison(request, pk), event="playground:voted")


@require_POST
@person_required
def rename(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give a comparison another title."""
    found, form = own_comparison(request, pk), TitleForm(request.POST)
    if form.is_valid():
        actions.rename_comparison(found, title=form.cleaned_data["title"])
    return redirect(found)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_required
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask whether a comparison may be deleted, and delete it."""
    found = own_comparison(request, pk)
    if request.method != "POST":
        return render(request, "playground/compare/delete.html", {"comparison": found})
    actions.delete_comparison(found, by=current_user(request))
    return redirect("playground_compare")


def _wanted_columns(request: HttpRequest, choices: dict[str, Choice]) -> list[ColumnForm]:
    like = pages.uuid_or_none(request.GET.get("like"))
    mine = Comparison.objects.visible_to(current_user(request)).filter(pk__in=[like] if like else []).first()
    if mine is not None and not mine.hides_names:
        return columns_like(mine, choices)
    return blank_columns(choices, request.GET.getlist("column"))


def _new_page(
    request: HttpRequest, form: NewComparisonForm, columns: list[ColumnForm], *, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "columns": columns,
        "may_add": len(columns) < COLUMNS_MAX,
        "may_remove": len(columns) > COLUMNS_MIN,
        "comparisons": _comparisons_of(current_user(request)),
    }
    fragment = "#columns" if is_htmx(request) else ""
    return render(request, f"playground/compare/new.html{fragment}", context, status=status)


def _page(request: HttpRequest, found: Comparison, form: RoundForm, *, status: int = 200) -> HttpResponse:
    context = {
        **board_context(board_of(found)),
        "form": form,
        "comparisons": _comparisons_of(current_user(request)),
    }
    return render(request, "playground/compare/page.html", context, status=status)


def _composer(request: HttpRequest, found: Comparison, form: RoundForm) -> HttpResponse:
    """The composer with what was typed and what is wrong with it."""
    context = {**board_context(board_of(found)), "form": form}
    response = render(request, "playground/compare/_composer.html", context, status=INVALID)
    return reswap(retarget(response, "#composer"), "outerHTML")


def _changed(request: HttpRequest, found: Comparison, *, event: str = "playground:sent") -> HttpResponse:
    """The whole board anew, in its old one's place."""
    if not is_htmx(request):
        return redirect(found)
    context = {**board_context(board_of(found)), "form": blank_round()}
    response = render(request, "playground/compare/board.html", context)
    trigger_client_event(response, event)
    return reswap(retarget(response, "#board"), "outerHTML")


def _comparisons_of(user: User) -> list[Comparison]:
    return list(Comparison.objects.visible_to(user)[:COMPARISONS_SHOWN])
