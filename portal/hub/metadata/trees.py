"""The files and folders of a revision, a page at a time, or those that are asked for by name."""

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from portal.common.refusals import Refusal
from portal.hub.errors import hub_door
from portal.hub.metadata.answers import Answer, cursor, is_true, page
from portal.hub.metadata.asking import question_and_revision
from portal.hub.metadata.entries import file_entry, folder_entry, folders_of
from portal.hub.shelf import files_below, no_entry
from portal.releases.models import Revision, WeightFile

# As the Hub pages its trees.
TREE_PAGE_SIZE = 1000
# More than the files of any model; a client that wants all of them asks for the tree.
PATHS_MAX = 1000


@hub_door
@require_safe
def tree(request: HttpRequest, organisation: str, model: str, place: str) -> HttpResponse:
    """`GET /api/models/{id}/tree/{rev}[/{path}]`: one level, or all of them. Eight queries and the key's.

    `place` is the revision, and the folder after it if there is one.
    """
    revision, _, path = place.partition("/")
    question, found = question_and_revision(request, f"{organisation}/{model}", revision)
    start = cursor(request)
    folder = path.strip("/")
    files = files_below(found, folder)
    if folder and not files:
        raise no_entry(found)
    entries = _entries(
        files,
        found,
        prefix=f"{folder}/" if folder else "",
        is_recursive=is_true(request.GET.get("recursive")),
        is_expanded=is_true(request.GET.get("expand")),
    )
    return page(request, entries[start:], size=TREE_PAGE_SIZE, start=start, warnings=question.warnings(found))


@csrf_exempt
@hub_door
@require_POST
def paths_info(request: HttpRequest, organisation: str, model: str, revision: str) -> HttpResponse:
    """`POST /api/models/{id}/paths-info/{rev}`: those of the paths that are there.

    Eight queries and the key's. It changes nothing, and so asks for no CSRF token, which
    clients do not have.
    """
    question, found = question_and_revision(request, f"{organisation}/{model}", revision)
    paths, is_expanded = _asked_paths(request)
    entries = {}
    for file in files_below(found, ""):
        for folder in folders_of(file.path):
            if folder in paths:
                entries[folder] = folder_entry(folder, found, is_expanded=is_expanded)
        if file.path in paths:
            entries[file.path] = file_entry(file, found, is_expanded=is_expanded)
    known = [entries[path] for path in paths if path in entries]
    return Answer(known, warnings=question.warnings(found))


def _entries(
    files: list[WeightFile], revision: Revision, *, prefix: str, is_recursive: bool, is_expanded: bool
) -> list[dict[str, Any]]:
    """The files below `prefix` and the folders that hold them; without recursion one level of both."""
    entries: dict[str, dict[str, Any]] = {}
    for file in files:
        below = file.path[len(prefix) :]
        for depth, folder in enumerate(folders_of(below)):
            if is_recursive or depth == 0:
                path = prefix + folder
                entries[path] = folder_entry(path, revision, is_expanded=is_expanded)
        if is_recursive or "/" not in below:
            entries[file.path] = file_entry(file, revision, is_expanded=is_expanded)
    return [entries[path] for path in sorted(entries)]


def _asked_paths(request: HttpRequest) -> tuple[dict[str, None], bool]:
    """The paths in the order in which they were given, and whether more is wanted of each. Raises Refusal."""
    try:
        body = request.body.decode()
        if request.content_type == "application/json":
            said = json.loads(body)
            paths, is_expanded = said["paths"], said.get("expand") is True
        else:
            form = parse_qs(body, keep_blank_values=True, errors="strict", max_num_fields=PATHS_MAX + 1)
            paths, is_expanded = form["paths"], is_true(form.get("expand", [""])[-1])
    except RequestDataTooBig as error:
        raise _bad_paths(HTTPStatus.REQUEST_ENTITY_TOO_LARGE) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _bad_paths(HTTPStatus.BAD_REQUEST) from error
    is_list = isinstance(paths, list) and all(isinstance(path, str) for path in paths)
    if not is_list or len(paths) > PATHS_MAX:
        raise _bad_paths(HTTPStatus.BAD_REQUEST)
    return dict.fromkeys(path.strip("/") for path in paths), is_expanded


def _bad_paths(status: HTTPStatus) -> Refusal:
    return Refusal("bad_request", f"Give up to {PATHS_MAX} paths, as a form or as JSON.", status=status)
