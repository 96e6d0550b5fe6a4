"""What the Hub's clients ask before they download: a model's revisions and files, and who they are.

Any signed-in developer may read it of a release whose page they may see; the bytes are
another question. The shapes are the Hub's: only what clients read is there.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.hub.callers import Caller, caller_of
from portal.hub.errors import Denied, hub_door
from portal.hub.shelf import NotThere, find_release, find_revision, no_entry
from portal.keys.authentication import KeyRefusal
from portal.releases.models import Release, ReleaseStatus, Revision, WeightFile

# As the Hub pages its trees.
TREE_PAGE_SIZE = 1000
# Of the pointer that Git LFS would keep in the file's place; clients want a number.
POINTER_BYTES = 134
LARGE_FROM_BYTES = 1024 * 1024
LARGE_SUFFIXES = (".safetensors", ".gguf", ".onnx", ".bin", ".npz", ".h5", ".parquet")


@require_safe
@hub_door
def model_info(request: HttpRequest, organisation: str, model: str, revision: str = "main") -> HttpResponse:
    """`GET /api/models/{id}` and `…/revision/{rev}`: the commit and its files. Up to 10 queries."""
    release, found = _release_and_revision(request, f"{organisation}/{model}", revision)
    with_blobs = request.GET.get("blobs", "").lower() == "true"
    siblings = [_sibling(file, with_blobs=with_blobs) for file in found.files.all()]
    return JsonResponse(
        {
            "_id": f"{release.pk:024x}",
            "id": release.hub_id,
            "modelId": release.hub_id,
            "author": organisation,
            "sha": found.commit,
            "lastModified": _moment(found.frozen_at),
            "createdAt": _moment(release.created_at),
            "private": False,
            "gated": "manual",
            "disabled": release.status == ReleaseStatus.WITHDRAWN,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "cardData": {"license": "other", "license_name": release.licence.slug},
            "siblings": siblings,
        }
    )


@require_safe
@hub_door
def tree(request: HttpRequest, organisation: str, model: str, revision: str, path: str = "") -> HttpResponse:
    """`GET /api/models/{id}/tree/{rev}[/{path}]`: files and folders, a page at a time."""
    _, found = _release_and_revision(request, f"{organisation}/{model}", revision)
    prefix = f"{path.strip('/')}/" if path.strip("/") else ""
    files = [file for file in found.files.all() if file.path.startswith(prefix)]
    if prefix and not files:
        raise no_entry(found)
    is_recursive = request.GET.get("recursive", "").lower() in ("true", "1")
    entries = _entries(files, prefix=prefix, commit=found.commit, is_recursive=is_recursive)
    given = request.GET.get("cursor", "")
    start = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0  # noqa: PLR2004
    response = JsonResponse(entries[start : start + TREE_PAGE_SIZE], safe=False)
    if start + TREE_PAGE_SIZE < len(entries):
        query = request.GET.copy()
        query["cursor"] = str(start + TREE_PAGE_SIZE)
        response["Link"] = f'<{settings.PORTAL_URL}{request.path}?{query.urlencode()}>; rel="next"'
    return response


@require_safe
@hub_door
def whoami(request: HttpRequest) -> HttpResponse:
    """`GET /api/whoami-v2`: the person a key belongs to. Three queries at most."""
    caller = caller_of(request)
    user = caller.user
    if not isinstance(user, User):
        raise KeyRefusal("unknown_key", "No key was sent.")
    token = {"type": "session"}
    if caller.key is not None:
        shown = {
            "displayName": caller.key.name,
            "role": "read",
            "createdAt": _moment(caller.key.created_at),
        }
        token = {"type": "access_token", "accessToken": shown}  # type: ignore[dict-item]
    return JsonResponse(
        {
            "type": "user",
            "id": f"{user.pk:024x}",
            "name": user.email.partition("@")[0],
            "fullname": user.name,
            "email": user.email,
            "emailVerified": user.has_verified_email(),
            "isPro": False,
            "orgs": [],
            "auth": token,
        }
    )


@csrf_exempt
@hub_door
def nothing_here(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Any other address under /hub/: no redirect to one with a slash, no page, but the Hub's 404."""
    del request, rest
    raise NotThere("RepoNotFound", "Repository not found", status=404)


def _release_and_revision(request: HttpRequest, hub_id: str, revision: str) -> tuple[Release, Revision]:
    """What is asked about. Strangers are told to sign in, as the Hub tells them for a gated model."""
    caller: Caller = caller_of(request)
    release = find_release(caller.user, hub_id)
    if not caller.user.is_authenticated:
        raise Denied.by(decide(caller.user, release, Action.DOWNLOAD))
    return release, find_revision(release, revision)


def _sibling(file: WeightFile, *, with_blobs: bool) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": file.path}
    if with_blobs:
        sibling |= {"size": file.size_bytes, "blobId": file.git_oid}
        if _is_large(file):
            sibling["lfs"] = {
                "sha256": file.sha256,
                "size": file.size_bytes,
                "pointerSize": POINTER_BYTES,
            }
    return sibling


def _entries(
    files: list[WeightFile], *, prefix: str, commit: str, is_recursive: bool
) -> list[dict[str, Any]]:
    """The files below `prefix` and the folders that hold them; without recursion one level of both."""
    entries: dict[str, dict[str, Any]] = {}
    for file in files:
        parts = file.path[len(prefix) :].split("/")
        for depth in range(1, len(parts)):
            folder = prefix + "/".join(parts[:depth])
            if is_recursive or depth == 1:
                entries[folder] = _folder(folder, commit)
        if is_recursive or len(parts) == 1:
            entries[file.path] = _file(file)
    return [entries[path] for path in sorted(entries)]


def _folder(path: str, commit: str) -> dict[str, Any]:
    # Clients want 40 hex digits here and compare them with nothing.
    oid = hashlib.sha256(f"{commit}/{path}".encode()).hexdigest()[:40]
    return {"type": "directory", "path": path, "size": 0, "oid": oid}


def _file(file: WeightFile) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": "file",
        "path": file.path,
        "size": file.size_bytes,
        "oid": file.git_oid,
    }
    if _is_large(file):
        entry["lfs"] = {"oid": file.sha256, "size": file.size_bytes, "pointerSize": POINTER_BYTES}
    return entry


def _is_large(file: WeightFile) -> bool:
    """Whether clients should check the file by its SHA-256, as one that Git LFS keeps."""
    return file.size_bytes >= LARGE_FROM_BYTES or file.path.lower().endswith(LARGE_SUFFIXES)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
