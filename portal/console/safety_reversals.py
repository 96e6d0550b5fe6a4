"""What staff take back with a reason: an evaluation, a sign-off, a demand, for a while a whole release."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.safety import MANAGE, SET_POLICY, SIGN
from portal.console.safety_forms import ReasonForm
from portal.releases.models import Evaluation, Release, Requirement, SignOff
from portal.releases.safety import evaluations, pausing, requirements, sign_offs

ASK = ["GET", "HEAD", "POST"]


@require_http_methods(ASK)
@staff_with(MANAGE, SIGN)
@never_cache
def withdraw_evaluation(request: HttpRequest, pk: int) -> HttpResponse:
    """Rely on an evaluation no more."""
    found = get_object_or_404(Evaluation.objects.select_related("revision__release"), pk=pk)
    revision = found.revision
    return _ask(
        request,
        revision.release,
        title=f"Withdraw the evaluation {found.suite}?",
        consequence="It counts no more, and every sign-off that rests on it falls. It stays on record.",
        button="Withdraw it",
        act=lambda **words: evaluations.withdraw(found, **words),
        commit=revision.commit,
    )


@require_http_methods(ASK)
@staff_with(SIGN)
@never_cache
def withdraw_sign_off(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a sign-off back."""
    found = get_object_or_404(SignOff.objects.select_related("revision__release"), pk=pk)
    return _ask(
        request,
        found.revision.release,
        title=f"Take back the sign-off by {found.role}?",
        consequence="Every door of what rests on it shuts at once. It stays on record.",
        button="Take it back",
        act=lambda **words: sign_offs.withdraw(found, **words),
        commit=found.revision.commit,
    )


@require_http_methods(ASK)
@staff_with(SET_POLICY)
@never_cache
def lift_requirement(request: HttpRequest, pk: int) -> HttpResponse:
    """Demand something no more of one release."""
    found = get_object_or_404(Requirement.objects.live().select_related("release"), pk=pk)
    return _ask(
        request,
        found.release,
        title=f"Lift the demand for {found.suite}?",
        consequence="Revisions to come need not pass it any more.",
        button="Lift it",
        act=lambda **words: requirements.lift(found, **words),
    )


@require_http_methods(ASK)
@staff_with(MANAGE, SIGN)
@never_cache
def pause(request: HttpRequest, slug: str) -> HttpResponse:
    """Shut every door of a release for now."""
    found = get_object_or_404(Release, slug=slug)
    return _ask(
        request,
        found,
        title=f"Pause {found}?",
        consequence="Every door shuts within a second: prompts, calls and downloads under way end. "
        "Whoever is shut out reads your reason.",
        button="Pause it",
        act=lambda **words: pausing.pause(found, **words),
    )


@require_POST
@staff_with(MANAGE, SIGN)
def resume(request: HttpRequest, slug: str) -> HttpResponse:
    """End the pause of a release."""
    found = get_object_or_404(Release, slug=slug)
    pausing.resume(found, by=current_user(request), address=client_address(request))
    messages.success(request, f"{found} goes on.")
    return redirect("console:release_safety", slug)


def _ask(
    request: HttpRequest,
    release: Release,
    *,
    title: str,
    consequence: str,
    button: str,
    act: Callable[..., object],
    commit: str = "",
) -> HttpResponse:
    """Ask for a reason, do it, and show the release's safety."""
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            act(reason=form.cleaned_data["reason"], by=current_user(request), address=client_address(request))
        except Refusal as refusal:
            form.add_error(None, refusal.sentence)
        else:
            messages.success(request, "Done; the ledger has it.")
            if commit:
                return redirect("console:revision_safety", release.slug, commit)
            return redirect("console:release_safety", release.slug)
    context = {
        "release": release,
        "title": title,
        "consequence": consequence,
        "button": button,
        "form": form,
        "commit": commit,
    }
    status = INVALID if request.method == "POST" else 200
    return render(request, "console/safety/reason.html", context, status=status)
