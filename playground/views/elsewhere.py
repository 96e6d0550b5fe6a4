"""Conversations that went on in another tab or on another device, told to a page that shows less of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from playground.models import Generation
from playground.views.entering import person_required
from playground.views.pages import uuid_or_none
from portal.accounts.sessions import current_user
from portal.common.moments import moment_or_none
from portal.common.prepared import prepared

NO_CONTENT = 204


@dataclass(frozen=True)
class WentOn:
    """What was asked last in a conversation while a page of it showed less."""

    conversation_id: UUID
    answer_id: UUID


@require_safe
@never_cache
@person_required
def elsewhere(request: HttpRequest) -> HttpResponse:
    """A line for the page of `?conversation=` if more was asked in it than it had `?seen_at=`; else 204.

    One query.
    """
    pk, seen_at = uuid_or_none(request.GET.get("conversation")), moment_or_none(request.GET.get("seen_at"))
    if pk and seen_at:
        newest = _newest_since.first(pk=pk, user_id=current_user(request).pk, seen_at=seen_at)
        if newest:
            return render(request, "playground/_elsewhere.html", {"went_on": WentOn(pk, newest)})
    return HttpResponse(status=NO_CONTENT)


def went_on_beside(generation: Generation) -> WentOn | None:
    """The newest other answer of its conversation. One query."""
    talk_id = generation.turn.conversation_id
    others = Generation.objects.filter(turn__conversation=talk_id).exclude(pk=generation.pk)
    newest = others.order_by("-queued_at").values_list("pk", flat=True).first()
    return WentOn(talk_id, newest) if newest else None


@prepared
def _newest_since(*, pk: UUID, user_id: int, seen_at: datetime) -> QuerySet[Generation, UUID]:
    """The newest answer of a conversation in which something was asked since."""
    talk = "turn__conversation"
    asked = Generation.objects.visible_to(user_id).filter(**{talk: pk, f"{talk}__updated_at__gt": seen_at})
    return asked.order_by("-queued_at").values_list("pk", flat=True)[:1]
