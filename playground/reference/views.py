"""The pages for the API's users: examples to copy, and every error code."""

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from playground.reference import operations
from playground.reference.codes import GROUPS
from playground.reference.examples import INSTALLING, Language, examples_in
from portal.access.deciding import releases_allowed
from portal.access.decision import Action
from portal.accounts.models import User
from portal.releases.models import Release


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """How to call the API, in the language of `?language=`. At most two queries and the session's."""
    given = request.GET.get("language", "")
    language = Language(given) if given in Language.values else Language.PYTHON
    mine = _first_open_to(request.user)
    release = mine or Release.objects.announced().order_by("opened_at", "slug").first()
    context = {
        "base_url": f"{settings.PORTAL_URL}/v1",
        "release": release,
        "is_mine": mine is not None,
        "languages": Language,
        "language": language,
        "installing": INSTALLING[language],
        "examples": examples_in(language, model=release.slug if release else ""),
        "rate_headers": operations.RATE_HEADERS,
    }
    return render(request, "reference/index.html", context)


@require_safe
def errors(request: HttpRequest) -> HttpResponse:
    """Every error code, each at an address of its own. No query but the session's."""
    return render(request, "reference/errors.html", {"groups": GROUPS})


def _first_open_to(user: User | AnonymousUser) -> Release | None:
    return releases_allowed(user, Action.INFERENCE).order_by("slug").first()
