"""A revision's files as plain lists for tools: checksums for sha256sum, addresses for aria2 and curl."""

from collections.abc import Callable
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from portal.hub.shelf import visible_releases
from portal.releases.models import WeightFile

_SUMS_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r"})
_CURL_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\t": r"\t", "\n": r"\n", "\r": r"\r", "\v": r"\v"})


@require_safe
def sha256sums(request: HttpRequest, slug: str, commit: str) -> HttpResponse:
    """`SHA256SUMS`: a line a file, for `sha256sum -c`. Three queries and the session's."""
    return _listed(request, slug, commit, sums_line)


@require_safe
def aria2_list(request: HttpRequest, slug: str, commit: str) -> HttpResponse:
    """`aria2.txt`: every file for `aria2c -i`. Three queries and the session's."""
    return _listed(request, slug, commit, aria2_lines)


@require_safe
def curl_list(request: HttpRequest, slug: str, commit: str) -> HttpResponse:
    """`curl.txt`: every file for `curl -K`. Three queries and the session's."""
    return _listed(request, slug, commit, curl_lines)


def sums_line(file: WeightFile) -> str:
    r"""One line of `SHA256SUMS`, as GNU writes it: a name that would break the line is escaped and marked.

    >>> sums_line(WeightFile(path="a b.txt", sha256="00"))
    '00  a b.txt'
    >>> sums_line(WeightFile(path="a\\b.txt", sha256="00"))
    '\\00  a\\\\b.txt'
    """
    name = file.path.translate(_SUMS_ESCAPES)
    mark = "\\" if name != file.path else ""
    return f"{mark}{file.sha256}  {name}"


def aria2_lines(file: WeightFile) -> str:
    """One file of aria2's input format (aria2c(1), "Input File"): it checks the sum itself."""
    return f"{file_url(file)}\n  out={file.path}\n  checksum=sha-256={file.sha256}"


def curl_lines(file: WeightFile) -> str:
    """One file of curl's configuration format (curl(1), --config)."""
    return f'url = "{file_url(file)}"\noutput = "{file.path.translate(_CURL_ESCAPES)}"'


def file_path(file: WeightFile) -> str:
    """The path of the file's bytes, by its commit: what is resumed must be what was begun."""
    revision = file.revision
    return f"/hub/{revision.release.hub_id}/resolve/{revision.commit}/{quote(file.path)}"


def file_url(file: WeightFile) -> str:
    """The address of the file's bytes."""
    return f"{settings.PORTAL_URL}{file_path(file)}"


def _listed(
    request: HttpRequest, slug: str, commit: str, line_of: Callable[[WeightFile], str]
) -> HttpResponse:
    """The list of a revision, to whoever may see the release's page."""
    release = get_object_or_404(visible_releases(request.user), slug=slug)
    revision = get_object_or_404(release.revisions, commit=commit)
    revision.release = release
    lines = []
    for file in revision.files.all():
        file.revision = revision
        lines.append(f"{line_of(file)}\n")
    headers = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
    return HttpResponse("".join(lines), content_type="text/plain; charset=utf-8", headers=headers)
