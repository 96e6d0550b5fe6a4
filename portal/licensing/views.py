"""The pages on which a person reads a licence and accepts it."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.common.requests import client_address, client_name
from portal.common.statuses import INVALID
from portal.licensing import actions
from portal.licensing.comparing import comparison, version_before
from portal.licensing.conditions import as_data, conditions_of
from portal.licensing.forms import AgreementForm
from portal.licensing.models import Acceptance, Licence, LicenceVersion
from portal.licensing.standing import Standing, standing_for


@require_http_methods(["GET", "HEAD", "POST"])
def licence(request: HttpRequest, slug: str) -> HttpResponse:
    """The version in force, and what the person may do about it. Eight queries at most and the session's."""
    if request.method == "POST":
        return accept(request, slug)
    found = get_object_or_404(Licence, slug=slug)
    return _page(request, found)


@require_POST
@login_required
def accept(request: HttpRequest, slug: str) -> HttpResponse:
    """Record the agreement; a text that is not in force any more is shown anew and asked about again."""
    found = get_object_or_404(Licence, slug=slug)
    form = AgreementForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form=form, status=INVALID)
    try:
        actions.accept(
            found,
            by=current_user(request),
            sha256=form.cleaned_data["sha256"],
            number=form.cleaned_data["number"],
            address=client_address(request),
            client=client_name(request),
        )
    except actions.NewerVersion as refusal:
        return _page(request, found, notice=refusal.sentence, status=409)
    onward = _next(request)
    return redirect(
        f"{found.get_absolute_url()}{'?' + urlencode({'next': onward}) if onward else ''}#accepted"
    )


@require_safe
def version(request: HttpRequest, slug: str, number: str) -> HttpResponse:
    """One version, in force or not, or one whose day is still to come. Four queries and the session's."""
    found = _announced(slug, number)
    context = {
        "licence": found.licence,
        "version": found,
        "conditions": conditions_of(found),
        "current": found.licence.current_version(),
        "acceptance": _acceptance(request, found),
        "is_scheduled": found.is_scheduled(),
    }
    return render(request, "licensing/version.html", context)


@require_safe
def changes(request: HttpRequest, slug: str, number: str) -> HttpResponse:
    """What changed in a version since the one before, or the one named by `?against=`. Three queries."""
    found = _announced(slug, number)
    versions = list(found.licence.versions.announced().select_related("licence"))
    against = request.GET.get("against")
    older = (
        next((one for one in versions if one.number == against), None)
        if against
        else version_before(found, versions)
    )
    if older is None and against:
        raise Http404("There is no such version to compare it with.")
    context = {
        "licence": found.licence,
        "version": found,
        "versions": [one for one in versions if one != found],
        "comparison": comparison(older, found) if older else None,
    }
    return render(request, "licensing/changes.html", context)


@require_safe
def conditions(_: HttpRequest, slug: str, number: str) -> JsonResponse:
    """The conditions of a version for programs, which may ask from any page. Two queries at most."""
    data = as_data(_announced(slug, number))
    return JsonResponse(data, headers={"Access-Control-Allow-Origin": "*"})


def _announced(slug: str, number: str) -> LicenceVersion:
    announced = LicenceVersion.objects.announced().select_related("licence", "reacceptance_before")
    return get_object_or_404(announced, licence__slug=slug, number=number)


def _page(
    request: HttpRequest,
    found: Licence,
    *,
    form: AgreementForm | None = None,
    notice: str = "",
    status: int = 200,
) -> HttpResponse:
    announced = list(found.versions.announced().select_related("licence"))
    versions = [one for one in announced if not one.is_scheduled()]
    current = versions[0] if versions else None
    if current is not None and form is not None and not form.is_about(current):
        # A box left unticked under an old text: the new one is what to read.
        form = None
    user = request.user
    initial = {"number": current.number, "sha256": current.sha256} if current else {}
    context = {
        "licence": found,
        "version": current,
        "conditions": conditions_of(current) if current else [],
        "earlier": versions[1:],
        "coming": announced[: len(announced) - len(versions)],
        "acceptance": _acceptance(request, current),
        "standing": _standing(request, current),
        "form": form or AgreementForm(initial=initial),
        "is_verified": isinstance(user, User) and user.has_verified_email(),
        "notice": notice,
        "next": _next(request),
    }
    return render(request, "licensing/licence.html", context, status=status)


def _acceptance(request: HttpRequest, found: LicenceVersion | None) -> Acceptance | None:
    if found is None or not request.user.is_authenticated:
        return None
    return found.acceptances.filter(user=request.user).first()


def _standing(request: HttpRequest, current: LicenceVersion | None) -> Standing | None:
    """How the person's acceptance of an earlier version stands; None without one, or if there is a newer."""
    if current is None or not isinstance(request.user, User):
        return None
    standing = standing_for(request.user, current)
    return standing if standing is not None and standing.accepted != current else None


def _next(request: HttpRequest) -> str:
    """Where the person came from, if that is a page of this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else ""
