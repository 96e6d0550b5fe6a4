"""Deleting conversations whose time is over: those that are not kept, and those at rest for too long."""

from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, QuerySet
from django.utils import timezone

from playground import actions
from playground.models import (
    Comparison,
    Conversation,
    ConversationKind,
    ConversationQuerySet,
    Generation,
    PromptCase,
    PromptRun,
)
from portal.accounts.models import User

QuerySetOf = TypeVar("QuerySetOf", bound="QuerySet[Any]")

log = structlog.get_logger(__name__)

# Whoever goes for coffee finds it again; whoever closed the page does not come back.
UNKEPT_FOR = timedelta(minutes=30)
A_SWEEP_MAX = 500


def sweep(*, at: datetime | None = None) -> int:
    """Delete what is over at `at` (None: now), the oldest first; how many conversations and comparisons."""
    now = at or timezone.now()
    over = list(_unkept_at_rest(now)[:A_SWEEP_MAX]) or list(_past_retention(now)[:A_SWEEP_MAX])
    for conversation in over:
        actions.delete(conversation, by=None)
    # A column goes with its comparison, never alone.
    compared = list(_unkept_comparisons_at_rest(now)[:A_SWEEP_MAX]) or list(
        _kept_long_enough(Comparison.objects.all(), now)[:A_SWEEP_MAX]
    )
    for comparison in compared:
        actions.delete_comparison(comparison, by=None)
    # A run whose cases are all gone keeps their variables, which are somebody's words as well.
    kept = PromptCase.objects.filter(run=OuterRef("pk"), conversation__isnull=False)
    for run in PromptRun.objects.exclude(Exists(kept))[:A_SWEEP_MAX]:
        actions.delete_run(run, by=None)
    if count := len(over) + len(compared):
        log.info("conversations_deleted", count=count)
    return count


def end_unkept(user: User) -> None:
    """Delete those of a person that are not kept, since they signed out."""
    for conversation in _oldest(_unkept_alone().filter(user=user)):
        actions.delete(conversation, by=user)
    for comparison in Comparison.objects.visible_to(user).unkept():
        actions.delete_comparison(comparison, by=user)


def _unkept_alone() -> ConversationQuerySet:
    return Conversation.objects.filter(is_unkept=True).exclude(kind=ConversationKind.COLUMN)


def _unkept_at_rest(now: datetime) -> ConversationQuerySet:
    """Those where nothing was said for a while and nothing is being written."""
    live = Generation.objects.live().filter(turn__conversation=OuterRef("pk"))
    return _oldest(_unkept_alone().filter(updated_at__lt=now - UNKEPT_FOR)).exclude(Exists(live))


def _unkept_comparisons_at_rest(now: datetime) -> QuerySet[Comparison]:
    """As `_unkept_at_rest`: no column was asked for a while, and none is being written."""
    columns = Conversation.objects.filter(comparison=OuterRef("pk"))
    live = Generation.objects.live().filter(turn__conversation__comparison=OuterRef("pk"))
    recent = columns.filter(updated_at__gte=now - UNKEPT_FOR)
    return Comparison.objects.unkept().exclude(Exists(live)).exclude(Exists(recent))


def _past_retention(now: datetime) -> ConversationQuerySet:
    alone = Conversation.objects.filter(pinned_at=None).exclude(kind=ConversationKind.COLUMN)
    return _oldest(_kept_long_enough(alone, now))


def _kept_long_enough(found: QuerySetOf, now: datetime) -> QuerySetOf:
    """Those at rest for longer than their person wants them kept."""
    days = F("user__playground_preferences__retention_days")
    kept_for = ExpressionWrapper(days * timedelta(days=1), output_field=DurationField())
    return found.filter(updated_at__lt=now - kept_for)


def _oldest(found: ConversationQuerySet) -> ConversationQuerySet:
    return found.select_related("user", "release").order_by("updated_at")
