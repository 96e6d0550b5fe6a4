"""Whether a request's conditions let it be answered (RFC 9110, section 13)."""

from datetime import datetime
from http import HTTPStatus

from django.utils.http import parse_etags, parse_http_date_safe

from portal.hub.door.request import Request


def early_status(request: Request, *, etag: str, modified_at: datetime) -> HTTPStatus | None:
    """304 or 412 when the conditions say so, in the order of section 13.2.2; None to go on."""
    modified = int(modified_at.timestamp())
    if not _matches(request, etag=etag, modified=modified):
        return HTTPStatus.PRECONDITION_FAILED
    if if_none_match := request.header("if-none-match"):
        known = {tag.removeprefix("W/") for tag in parse_etags(if_none_match)}
        return HTTPStatus.NOT_MODIFIED if etag in known or "*" in known else None
    since = parse_http_date_safe(request.header("if-modified-since"))
    return HTTPStatus.NOT_MODIFIED if since is not None and modified <= since else None


def _matches(request: Request, *, etag: str, modified: int) -> bool:
    if if_match := request.header("if-match"):
        return if_match.strip() == "*" or etag in parse_etags(if_match)
    since = parse_http_date_safe(request.header("if-unmodified-since"))
    return since is None or modified <= since
