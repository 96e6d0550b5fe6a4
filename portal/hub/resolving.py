"""The door of the weights: one file of a revision, whole or in part, to whom every gate is open."""

import os
from functools import partial
from urllib.parse import quote

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.http import require_safe

from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.common.requests import client_address, client_name
from portal.hub import actions, ranges
from portal.hub.callers import Caller, caller_of
from portal.hub.delivery import Delivery
from portal.hub.errors import Denied, hub_door
from portal.hub.shelf import find_file, find_release, find_revision
from portal.releases.models import WeightFile

log = structlog.get_logger(__name__)


@require_safe
@hub_door
def resolve(
    request: HttpRequest, organisation: str, model: str, revision: str, path: str
) -> HttpResponseBase:
    """Answer for one file; a HEAD is answered in full and never redirected. Up to 15 queries."""
    caller = caller_of(request)
    release = find_release(caller.user, f"{organisation}/{model}")
    decision = decide(caller.user, release, Action.DOWNLOAD)
    if not decision.allowed:
        raise Denied.by(decision)
    found = find_revision(release, revision)
    file = find_file(found, path)
    # The ledger's entry names them; both are here already.
    found.release, file.revision = release, found
    frozen_at = int(found.frozen_at.timestamp())
    early = get_conditional_response(request, etag=_etag(file), last_modified=frozen_at)
    response = early or _answer(request, caller, file)
    return _with_headers(response, file)


def _answer(request: HttpRequest, caller: Caller, file: WeightFile) -> HttpResponseBase:
    if request.method == "HEAD":
        return HttpResponse(headers={"Content-Length": str(file.size_bytes)})
    asked = None
    if ranges.may_resume(request.headers.get("If-Range", ""), etag=_etag(file)):
        try:
            asked = ranges.requested(request.headers.get("Range", ""), size_bytes=file.size_bytes)
        except ranges.UnsatisfiableRange:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{file.size_bytes}"})
    span = asked or ranges.whole(file.size_bytes)
    response = StreamingHttpResponse(_delivery(request, caller, file, span), status=206 if asked else 200)
    response["Content-Length"] = str(span.count_bytes)
    if asked:
        response["Content-Range"] = f"bytes {span.first}-{span.last}/{file.size_bytes}"
    return response


def _delivery(request: HttpRequest, caller: Caller, file: WeightFile, span: ranges.Span) -> Delivery:
    assert isinstance(caller.user, User), "decide lets no stranger through"
    descriptor = _open(file)
    try:
        download = actions.start_download(
            file,
            by=caller.user,
            key=caller.key,
            span=span,
            address=client_address(request),
            client=client_name(request),
        )
    except BaseException:
        os.close(descriptor)
        raise
    on_end = partial(_end, download.pk)
    return Delivery(descriptor, first_byte=span.first, count_bytes=span.count_bytes, on_end=on_end)


def _end(download_id: int, sent_bytes: int) -> None:
    try:
        actions.end_download(download_id, sent_bytes=sent_bytes)
    except DatabaseError:
        # Django drops what is raised here, and the bytes have left whatever the record says.
        log.exception("download_end_not_recorded", download_id=download_id, sent_bytes=sent_bytes)


def _open(file: WeightFile) -> int:
    """A descriptor of the stored bytes. Raises Refusal when the store has lost them."""
    try:
        descriptor = os.open(file.stored_at, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _out_of_service(file) from error
    if os.fstat(descriptor).st_size != file.size_bytes:
        os.close(descriptor)
        raise _out_of_service(file)
    return descriptor


def _out_of_service(file: WeightFile) -> Refusal:
    return Refusal(
        "file_out_of_service",
        f"{file.path} is out of service: its stored bytes are not what was registered. "
        "Try again later, or write to the organisation.",
        status=503,
    )


def _etag(file: WeightFile) -> str:
    return f'"{file.sha256}"'


def _with_headers(response: HttpResponseBase, file: WeightFile) -> HttpResponseBase:
    name = file.path.rpartition("/")[2]
    plain = name.encode("ascii", "replace").decode().replace("\\", "_").replace('"', "_")
    response["ETag"] = _etag(file)
    response["Last-Modified"] = http_date(file.revision.frozen_at.timestamp())
    response["X-Repo-Commit"] = file.revision.commit
    response["Accept-Ranges"] = "bytes"
    response["Content-Type"] = "application/octet-stream"
    response["Content-Disposition"] = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-cache, no-transform"
    return response
