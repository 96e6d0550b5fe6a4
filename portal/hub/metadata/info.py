"""One model at a revision, and the models that there are."""

from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from portal.hub.errors import hub_door
from portal.hub.metadata.answers import Answer, cursor, is_true, number, page
from portal.hub.metadata.asking import person_of, question_and_revision, require_account
from portal.hub.metadata.properties import SECURITY, USUAL, WHOLE, Known
from portal.hub.shelf import is_askable, visible_releases
from portal.releases.cards.metadata import MODEL_INDEX
from portal.releases.models import Release, ReleaseQuerySet, Revision

LIST_PAGE_SIZE = 100
# What tells of evaluations.
OF_RESULTS = {"cardData", MODEL_INDEX}


@hub_door
@require_safe
def model_info(request: HttpRequest, organisation: str, model: str, revision: str = "main") -> HttpResponse:
    """`GET /api/models/{id}` and `…/revision/{rev}`: the commit and its files. 17 queries and the key's."""
    question, found = question_and_revision(request, f"{organisation}/{model}", revision)
    with_blobs = is_true(request.GET.get("blobs"))
    known = Known(question.release, found, list(found.files.all()), with_blobs=with_blobs)
    names = _expanded(request) or list(WHOLE)
    if is_true(request.GET.get("securityStatus")):
        names.append(SECURITY)
    return Answer(known.shown(names), warnings=[*question.warnings(found), *question.refusal_of_files()])


@hub_door
@require_safe
def model_list(request: HttpRequest) -> HttpResponse:
    """`GET /api/models`: the releases that the caller may see. Seven queries at most, and the key's.

    What depends on a revision is said of `main`, as where a model is asked for by its id alone.
    """
    user, _ = person_of(request)
    require_account(user)
    start = cursor(request)
    size = min(number(request, "limit", default=LIST_PAGE_SIZE) or 1, LIST_PAGE_SIZE)
    names = _expanded(request) or _listed(request)
    found = _matching(request, visible_releases(user)).with_licence_spdx()
    found = found.select_related("licence", "card").order_by("name", "pk")
    mains = Revision.objects.filter(name="main", is_current=True).prefetch_related("files")
    if OF_RESULTS & set(names):
        mains = mains.prefetch_related("evaluations")
    rows = found.prefetch_related(Prefetch("revisions", mains, to_attr="mains"))
    shown = [_known(release).shown(names) for release in rows[start : start + size + 1]]
    return page(request, shown, size=size, start=start)


def _expanded(request: HttpRequest) -> list[str]:
    """The properties that the client names; none for the usual ones."""
    return request.GET.getlist("expand") + request.GET.getlist("expand[]")


def _listed(request: HttpRequest) -> list[str]:
    is_full = is_true(request.GET.get("full"))
    names = list(USUAL)
    if is_full:
        names.append("siblings")
    if is_full or is_true(request.GET.get("cardData")):
        names.append("cardData")
    if is_full or is_true(request.GET.get("config")):
        names.append("config")
    return names


def _matching(request: HttpRequest, releases: ReleaseQuerySet) -> ReleaseQuerySet:
    search, author = request.GET.get("search", ""), request.GET.get("author", "")
    if not (is_askable(search) and is_askable(author)):
        return releases.none()
    if search:
        releases = releases.filter(Q(hub_id__icontains=search) | Q(name__icontains=search))
    return releases.filter(hub_id__startswith=f"{author}/") if author else releases


def _known(release: Release) -> Known:
    main = next(iter(release.mains), None)  # type: ignore[attr-defined]
    return Known(release, main, list(main.files.all()) if main else [], spdx=release.licence_spdx or "")  # type: ignore[attr-defined]
