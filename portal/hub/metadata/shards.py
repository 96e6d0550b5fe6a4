"""The headers of a model's safetensors files, so that nobody fetches them one by one."""

import json
from posixpath import dirname, join, normpath
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from portal.common.refusals import Refusal
from portal.hub.errors import hub_door
from portal.hub.metadata.answers import Answer
from portal.hub.metadata.asking import question_and_revision
from portal.hub.metadata.contents import SAFETENSORS
from portal.hub.shelf import find_file, is_askable, no_entry
from portal.releases.models import Revision, WeightFile
from portal.releases.safetensors import safetensors_header

INDEX_ENDING = ".safetensors.index.json"
# The indices of the largest models are a few megabytes.
INDEX_BYTES_MAX = 64 * 1024 * 1024


@hub_door
@require_safe
def safetensors_metadata(request: HttpRequest, organisation: str, model: str, path: str) -> HttpResponse:
    """`GET /api/models/{id}/safetensors-metadata/{file}`: names, types and shapes, not a number of them.

    `file` is an index or a file of `main`. The weight map is left out: the headers have it.
    """
    question, main = question_and_revision(request, f"{organisation}/{model}", "main")
    file = find_file(main, path)
    if path.endswith(INDEX_ENDING):
        index = _index(file)
        shards = _shards(main, dirname(path), index["weight_map"])
        said = {"index": {"metadata": index.get("metadata", {})}, "headers": _headers(shards)}
    elif path.endswith(SAFETENSORS):
        said = {"index": {"metadata": {}}, "headers": _headers({path: file})}
    else:
        raise no_entry(main)
    return Answer(said, warnings=question.warnings(main))


def _index(file: WeightFile) -> dict[str, Any]:
    """The index, if it is one. Raises Refusal."""
    if file.size_bytes > INDEX_BYTES_MAX:
        raise _unreadable(file.path)
    try:
        index = json.loads(file.stored_at.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(file.path) from error
    shards = index.get("weight_map") if isinstance(index, dict) else None
    names = shards.values() if isinstance(shards, dict) else [None]
    if not all(isinstance(name, str) and is_askable(name) for name in names):
        raise _unreadable(file.path)
    return dict(index)


def _shards(main: Revision, folder: str, weight_map: dict[str, str]) -> dict[str, WeightFile]:
    """The files that the index names, which lie beside it. One query. Raises Refusal when one is not."""
    names = sorted(set(weight_map.values()))
    paths = {name: normpath(join(folder, name)) for name in names}
    found = {file.path: file for file in main.files.filter(path__in=paths.values())}
    missing = next((name for name, path in paths.items() if path not in found), None)
    if missing is not None:
        raise _unreadable(missing)
    return {name: found[path] for name, path in paths.items()}


def _headers(files: dict[str, WeightFile]) -> dict[str, Any]:
    headers = {}
    for name, file in files.items():
        try:
            headers[name] = safetensors_header(file).data
        except (OSError, Refusal) as error:
            raise _unreadable(file.path) from error
    return headers


def _unreadable(path: str) -> Refusal:
    return Refusal("unreadable_metadata", f"{path} cannot be read as safetensors metadata.", status=422)
