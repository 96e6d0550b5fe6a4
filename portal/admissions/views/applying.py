"""Applying: what a programme is, its form, the draft that saves itself, and handing it in."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.admissions import actions
from portal.admissions.applications.entering import entry_rules
from portal.admissions.applications.filing import copy_files, keep_files, kept_files
from portal.admissions.forms import ApplicationForm
from portal.admissions.invitations import admitting
from portal.admissions.models import Application, ApplicationStatus, Programme, QuestionKind
from portal.admissions.programmes.paces import pace_of
from portal.admissions.teams.forms import CODE
from portal.admissions.views import unsaved
from portal.admissions.views.following import status_page
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.common.statuses import INVALID
from portal.common.transitions import IllegalMove, LostRace


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def apply(request: HttpRequest, slug: str) -> HttpResponse:
    """What the programme is; for those who may apply its form; for those who did where they stand."""
    programme = _programme(slug)
    user = request.user
    if not isinstance(user, User):
        return _without_session(request, programme)
    mine = programme.applications.visible_to(user).select_related("team", "referral__code")
    newest = mine.newest_first().first()
    if newest is not None and not newest.is_draft:
        return _submitted_before(request, newest)
    if request.method == "POST":
        return _received(request, programme, newest, user)
    if blocked := _blocked(programme, user, newest):
        return _introduction(request, programme, blocked=blocked)
    newest = _restored(request, programme, user) or newest
    form = ApplicationForm(programme, answers=_prefilled(request, newest), kept=kept_files(newest))
    return _form_page(request, programme, form, newest)


@require_POST
@never_cache
def draft(request: HttpRequest, slug: str) -> HttpResponse:
    """Save what has been typed so far, as htmx asks while one types."""
    programme = _programme(slug)
    user = request.user
    if not isinstance(user, User):
        return _saved(request, programme, status=401)
    if unsaved.owner_id(request) != user.pk:
        return _saved(request, programme, status=409)
    form = ApplicationForm(programme, request.POST)
    started = actions.start(programme, by=user, address=client_address(request))
    saved = actions.save_draft(started, answers=form.as_typed(), by=user)
    return _saved(request, programme, saved)


@require_POST
@login_required
def again(request: HttpRequest, slug: str) -> HttpResponse:
    """Begin a new draft with the answers of the application that ended."""
    programme = _programme(slug)
    user = current_user(request)
    last = programme.applications.visible_to(user).newest_first().first()
    started = actions.start(programme, by=user, address=client_address(request))
    if last is not None and started.is_draft and not started.answers:
        # Consent is given anew, each time.
        actions.save_draft(started, answers=_without_consents(programme, last), by=user)
        copy_files(started, of=last, by=user)
    return redirect(programme)


def _received(
    request: HttpRequest, programme: Programme, newest: Application | None, user: User
) -> HttpResponse:
    """Answer the form; whatever comes of it, what was typed is in the draft or in the form."""
    form = ApplicationForm(programme, request.POST, request.FILES, kept=kept_files(newest))
    if unsaved.owner_id(request) != user.pk:
        form.add_error(None, "This form was opened by another account. Check it, then send it again.")
        return _form_page(request, programme, form, newest, status=409)
    try:
        return _saved_and_submitted(request, programme, form, user)
    except (IllegalMove, LostRace):
        # The same form, sent twice at the same moment: the other one was handed in.
        return redirect(programme)
    except Refusal as refusal:
        form.add_error(None, refusal.sentence)
        return _form_page(request, programme, form, newest, status=refusal.status)


def _saved_and_submitted(
    request: HttpRequest, programme: Programme, form: ApplicationForm, user: User
) -> HttpResponse:
    address = client_address(request)
    started = actions.start(programme, by=user, address=address)
    saved = actions.save_draft(started, answers=form.as_typed(), by=user)
    is_valid = form.is_valid()
    if uploads := form.uploads():
        saved = keep_files(saved, uploads, by=user)
    if "save" in request.POST and not form.wrong_files:
        messages.success(request, "Your draft is saved. Come back whenever you like.")
        return redirect(programme)
    if not is_valid:
        form.show_kept(kept_files(saved))
        return _form_page(request, programme, form, saved, status=INVALID)
    handed_in = admitting.hand_in(saved, answers=form.handed_in(), by=user, address=address)
    done = "is approved" if handed_in.status == ApplicationStatus.APPROVED else "has been submitted"
    messages.success(request, f"Your application {done}. We have sent you a mail.")
    return redirect(programme)


def _submitted_before(request: HttpRequest, newest: Application) -> HttpResponse:
    if request.method != "POST":
        return status_page(request, newest)
    messages.info(request, f"Your application {newest.reference} has been submitted before.")
    return redirect(newest.programme)


def _prefilled(request: HttpRequest, newest: Application | None) -> dict[str, Any]:
    """What was typed before, and the referral code of the link that was followed."""
    typed = dict(newest.answers) if newest else {}
    return {**typed, CODE: typed.get(CODE) or request.GET.get("code", "")[:40]}


def _restored(request: HttpRequest, programme: Programme, user: User) -> Application | None:
    """The draft with what was typed as the last session ended, if anything was."""
    kept = unsaved.take(request, programme=programme, user=user)
    if kept is None:
        return None
    started = actions.start(programme, by=user, address=client_address(request))
    messages.success(request, "What you had typed is here again, and saved as a draft.")
    return actions.save_draft(started, answers=kept, by=user)


def _programme(slug: str) -> Programme:
    return get_object_or_404(Programme.objects.prefetch_related("questions", "releases"), slug=slug)


def _without_session(request: HttpRequest, programme: Programme) -> HttpResponse:
    """Introduce the programme; a form from a session that ended is kept until its owner signs in."""
    if request.method != "POST":
        return _introduction(request, programme, blocked="" if programme.takes_applications() else "closed")
    form = ApplicationForm(programme, request.POST)
    if unsaved.keep(request, programme=programme, answers=form.as_typed()):
        messages.warning(
            request,
            "Your session had ended. Sign in, and you find what you typed where you left it."
            + (" Choose your files again then." if request.FILES else ""),
        )
    return redirect_to_login(programme.get_absolute_url())


def _blocked(programme: Programme, user: User, newest: Application | None) -> str:
    """What keeps a person from the form, "" for nothing; a draft can always be read."""
    if not user.has_verified_email():
        return "email"
    if newest is not None:
        return ""
    if not programme.takes_applications():
        return "closed"
    return "rule" if any(rule.passed is False for rule in entry_rules(programme, user)) else ""


def _introduction(request: HttpRequest, programme: Programme, *, blocked: str) -> HttpResponse:
    context = {"programme": programme, "blocked": blocked, **_terms(request, programme)}
    return render(request, "admissions/programme.html", context)


def _terms(request: HttpRequest, programme: Programme) -> dict[str, Any]:
    """What one can know before applying: the rules, the places and the pace."""
    user = request.user if isinstance(request.user, User) else None
    approved = programme.applications.filter(status=ApplicationStatus.APPROVED)
    return {
        "rules": entry_rules(programme, user),
        "pace": pace_of(programme),
        "places_left": max(0, programme.capacity - approved.count()) if programme.capacity else None,
    }


def _form_page(
    request: HttpRequest,
    programme: Programme,
    form: ApplicationForm,
    application: Application | None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "programme": programme,
        "form": form,
        "application": application,
        "slip": unsaved.slip_for(current_user(request)),
        **_terms(request, programme),
    }
    return render(request, "admissions/apply.html", context, status=status)


def _saved(
    request: HttpRequest, programme: Programme, application: Application | None = None, status: int = 200
) -> HttpResponse:
    """The line below the form that says whether the draft is saved."""
    if not is_htmx(request):
        return redirect(programme)
    context: dict[str, Any] = {"programme": programme, "application": application, "status": status}
    return render(request, "admissions/apply.html#save-state", context, status=status)


def _without_consents(programme: Programme, last: Application) -> dict[str, Any]:
    not_typed = {QuestionKind.CONSENT, QuestionKind.FILE}
    kept = {question.code for question in programme.questions.all() if question.kind not in not_typed}
    return {code: answer for code, answer in last.answers.items() if code in kept}
