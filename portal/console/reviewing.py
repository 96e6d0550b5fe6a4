"""What reviewers do around a decision: claim, assign, note, score, write, reveal."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from portal.accounts.models import User
from portal.accounts.roles import REVIEW, holders_of
from portal.accounts.sessions import current_user
from portal.admissions.models import Application, ReplyTemplate
from portal.admissions.reviewing import claiming, messaging, noting
from portal.admissions.reviewing.replies import filled_in
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.console.applications import received, review_page, with_filters
from portal.console.applications_filters import QueueForm, filters_of
from portal.console.applications_forms import DecisionForm
from portal.console.gatekeeping import staff_with
from portal.console.reviewing_forms import number_in, numbers_in, scores_from, text_in

Act = Callable[[Application, HttpRequest, User, str], str]


def _claim(found: Application, _: HttpRequest, by: User, address: str) -> str:
    claiming.claim(found, by=by, address=address)
    return f"{found.reference} is yours for now."


def _assign(found: Application, request: HttpRequest, by: User, address: str) -> str:
    chosen = holders_of(REVIEW).filter(pk=number_in(request.POST, "to") or 0)
    to = by if "me" in request.POST else chosen.first()
    if to is None:
        raise Refusal("nobody_chosen", "Choose the reviewer who gets it.", status=422)
    claiming.assign(found, to=to, by=by, address=address)
    return f"{found.reference} is assigned to {'you' if to == by else to}."


def _let_go(found: Application, _: HttpRequest, by: User, address: str) -> str:
    claiming.let_go(found, by=by, address=address)
    return f"{found.reference} is in the queue for everybody."


def _note(found: Application, request: HttpRequest, by: User, address: str) -> str:
    told = noting.add_note(found, by=by, text=text_in(request.POST, "text"), address=address)
    return f"The note is kept, and told to {', '.join(map(str, told))}." if told else "The note is kept."


def _conflict(found: Application, _: HttpRequest, by: User, address: str) -> str:
    noting.declare_conflict(found, by=by, address=address)
    return f"You take no part in the decision on {found.reference}."


def _reveal(found: Application, _: HttpRequest, by: User, address: str) -> str:
    noting.reveal(found, by=by, address=address)
    return "The applicant is shown to you. The ledger has it."


def _score(found: Application, request: HttpRequest, by: User, address: str) -> str:
    noting.give_scores(found, by=by, values=scores_from(request.POST, found.programme), address=address)
    return f"Your scores of {found.reference} are kept."


def _message(found: Application, request: HttpRequest, by: User, address: str) -> str:
    messaging.write_to_applicant(
        found,
        by=by,
        message=text_in(request.POST, "message"),
        seen=number_in(request.POST, "seen"),
        address=address,
    )
    return "The message is on its way."


def _read(found: Application, _: HttpRequest, __: User, ___: str) -> str:
    messaging.mark_read(found)
    return "Marked as read."


STEPS: dict[str, Act] = {
    "claim": _claim,
    "assign": _assign,
    "let-go": _let_go,
    "note": _note,
    "conflict": _conflict,
    "reveal": _reveal,
    "score": _score,
    "message": _message,
    "read": _read,
}


@require_POST
@staff_with(REVIEW)
def step(request: HttpRequest, reference: str, name: str) -> HttpResponse:
    """Do one of STEPS, and show the application as it is then."""
    found = received(reference)
    if name not in STEPS:
        raise Http404
    try:
        done = STEPS[name](found, request, current_user(request), client_address(request))
    except Refusal as refusal:
        # What was typed for a message or a note stands in the form again.
        form = DecisionForm(initial={"message": request.POST.get("message", "")})
        return review_page(
            request, received(reference), form, refusal=refusal, note=request.POST.get("text", "")
        )
    messages.success(request, done)
    if is_htmx(request):
        return review_page(request, received(reference), DecisionForm())
    return redirect(with_filters(request, reverse("console:application", args=[reference])))


@require_POST
@staff_with(REVIEW)
def fill_in(request: HttpRequest, reference: str) -> HttpResponse:
    """Put a reply template, filled in for this application, into the message, to be read and sent."""
    found = received(reference)
    template = ReplyTemplate.objects.filter(pk=number_in(request.POST, "template") or 0).first()
    typed = request.POST.get("message", "").strip()
    if template is None:
        refusal = Refusal("no_template", "Choose a reply first.", status=422)
        return review_page(request, found, DecisionForm(initial={"message": typed}), refusal=refusal)
    text = filled_in(template.text, found)
    form = DecisionForm(initial={"message": f"{typed}\n\n{text}" if typed else text})
    return review_page(request, found, form)


@require_POST
@staff_with(REVIEW)
def share_out(request: HttpRequest) -> HttpResponse:
    """Assign what the filters find among the chosen reviewers, in turns."""
    form = QueueForm(request.GET, reviewer=current_user(request))
    among = list(holders_of(REVIEW).filter(pk__in=numbers_in(request.POST, "among")))
    try:
        given = claiming.share_out(
            form.found(), among=among, by=current_user(request), address=client_address(request)
        )
        told = ", ".join(f"{one} {number}" for one, number in given.items())
        messages.success(request, f"Shared out: {told}.")
    except Refusal as refusal:
        messages.error(request, refusal.sentence)
    return redirect(f"{reverse('console:applications')}?{filters_of(request.GET).urlencode()}")
