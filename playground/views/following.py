"""The live stream of one answer, for who has no ticket: a reconnection, a page left open."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from playground import following
from playground.models import Generation
from portal.accounts.models import User
from portal.common.prepared import prepared


@require_safe
def stream(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Follow an answer from the entry behind Last-Event-ID (or `?after=`), else from its beginning.

    Events: `place` {place} in the line, from 1; `state` {status}; `token` {text} to append, `snapshot`
    {text} to replace what is shown, and `end` {status}, after which the answer's fragment has the whole.
    The event id is the stream's.
    """
    user = request.user
    if not isinstance(user, User):
        return HttpResponse("Sign in to follow this answer.", status=401, content_type="text/plain")
    status = _status(pk, user)
    if status is None:
        return HttpResponse("There is no such answer.", status=404, content_type="text/plain")
    after = following.place_behind(request.headers.get("Last-Event-ID"), request.GET.get("after"))
    events = following.events(pk, status=status, after=after)
    return StreamingHttpResponse(events, headers=following.HEADERS)


def _status(pk: UUID, user: User) -> str | None:
    """The answer's state if it is the person's own. One query."""
    return _statuses.first(pk=pk, user_id=user.pk)


@prepared
def _statuses(*, pk: UUID, user_id: int) -> QuerySet[Generation, str]:
    return Generation.objects.asked_by(user_id).filter(pk=pk).values_list("status", flat=True)
