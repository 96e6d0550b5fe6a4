"""The names of a model's revisions, and what each name has meant."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.html import escape
from django.views.decorators.http import require_safe

from portal.hub.errors import hub_door
from portal.hub.metadata.answers import Answer, cursor, is_true, moment, page
from portal.hub.metadata.asking import question_and_revision, question_of
from portal.hub.metadata.entries import title_of
from portal.releases.models import Revision

COMMITS_PAGE_SIZE = 50


@hub_door
@require_safe
def refs(request: HttpRequest, organisation: str, model: str) -> HttpResponse:
    """`GET /api/models/{id}/refs`: every name and its current commit. Six queries and the key's."""
    question = question_of(request, f"{organisation}/{model}")
    current = question.release.revisions.filter(is_current=True).order_by("name")
    branches = [
        {"name": one.name, "ref": f"refs/heads/{one.name}", "targetCommit": one.commit} for one in current
    ]
    # Clients read all three keys, whether or not there is anything of the kind.
    said: dict[str, Any] = {"branches": branches, "converts": [], "tags": []}
    if is_true(request.GET.get("include_prs")):
        said["pullRequests"] = []
    return Answer(said)


@hub_door
@require_safe
def commits(request: HttpRequest, organisation: str, model: str, revision: str) -> HttpResponse:
    """`GET /api/models/{id}/commits/{rev}`: all that a name has meant, or up to a commit.

    Newest first, also what was yanked. Eight queries and the key's.
    """
    question, found = question_and_revision(request, f"{organisation}/{model}", revision)
    start = cursor(request)
    is_formatted = "formatted" in request.GET.getlist("expand[]") + request.GET.getlist("expand")
    named = found.release.revisions.filter(name=found.name).order_by("-frozen_at", "-pk")
    if revision != found.name:
        named = named.filter(frozen_at__lte=found.frozen_at)
    rows = named[start : start + COMMITS_PAGE_SIZE + 1]
    shown = [_commit(one, author=organisation, is_formatted=is_formatted) for one in rows]
    return page(request, shown, size=COMMITS_PAGE_SIZE, start=start, warnings=question.warnings(found))


def _commit(revision: Revision, *, author: str, is_formatted: bool) -> dict[str, Any]:
    title, message = title_of(revision), revision.yank_reason
    shown: dict[str, Any] = {
        "id": revision.commit,
        "title": title,
        "message": message,
        "authors": [{"user": author}],
        "date": moment(revision.frozen_at),
    }
    if is_formatted:
        shown["formatted"] = {"title": escape(title), "message": escape(message)}
    return shown
