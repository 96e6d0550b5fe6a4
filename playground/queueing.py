"""The queue before each model server: who is next, and who stands where. Fair between people.

A message to a worker is only a wish. Whoever has room takes the one whose turn it is: of the
person with the fewest answers being written, and among those the one who has waited longest since
their last turn. So a hundred prompts of one person delay another's first by one turn at most.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Max, QuerySet
from django.utils import timezone

from playground.models import Generation, GenerationStatus
from portal.common.prepared import prepared

# A turn longer ago than this is forgotten: everybody begins anew.
REMEMBERED = timedelta(hours=1)
NEVER = datetime.min.replace(tzinfo=UTC)
LOCK_SPACE = 0x706C6179  # "play", so that no other lock of the portal has the same name


@dataclass(frozen=True)
class Waiting:
    """A queued generation: whose it is, and since when it waits."""

    pk: UUID
    user_id: int
    since: datetime


def line(
    waiting: Iterable[Waiting], *, running: Mapping[int, int], last_turn: Mapping[int, datetime]
) -> list[UUID]:
    """The queue in its order: the first of everybody, then the second of everybody, and so on.

    `running` are the answers being written for each person, which count as turns taken;
    `last_turn` is when each last had one. Pure.
    """
    own: dict[int, int] = defaultdict(int)
    places = []
    for one in sorted(waiting, key=lambda one: one.since):
        turn = running.get(one.user_id, 0) + own[one.user_id]
        own[one.user_id] += 1
        places.append((turn, last_turn.get(one.user_id, NEVER), one.since, one.pk))
    return [pk for *_, pk in sorted(places)]


def lock(backend_url: str) -> None:
    """Let nobody else choose for this model server until the transaction ends. One query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK_SPACE, backend_url])


def next_in_line(backend_url: str) -> UUID | None:
    """The generation whose turn it is; None when nobody waits, or no more may run. Call it under `lock`.

    Two queries, or one when there is nothing to choose.
    """
    waiting, running = _live(backend_url)
    if not waiting or running.total() >= settings.PLAYGROUND_RUNNING_MAX:
        return None
    return line(waiting, running=running, last_turn=_last_turns(waiting))[0]


def has_waiting(backend_url: str) -> bool:
    """Whether anybody waits for a model server. One query."""
    return bool(_waiting(backend_url=backend_url))


def has_room(backend_url: str) -> bool:
    """Whether fewer answers are being written at a model server than may be. One query."""
    running = Generation.objects.at_server(backend_url).filter(status=GenerationStatus.RUNNING)
    return bool(running.count() < settings.PLAYGROUND_RUNNING_MAX)


def places(generation_ids: Iterable[UUID]) -> dict[UUID, int]:
    """The place of each queued generation in its line, from 1; those that run or ended are left out.

    Three queries for each model server that they wait for.
    """
    wanted = set(generation_ids)
    asked = Generation.objects.filter(pk__in=wanted, status=GenerationStatus.QUEUED).with_story()
    found: dict[UUID, int] = {}
    for backend_url in {one.server_url for one in asked}:
        waiting, running = _live(backend_url)
        order = line(waiting, running=running, last_turn=_last_turns(waiting))
        found |= {pk: number for number, pk in enumerate(order, start=1) if pk in wanted}
    return found


def _live(backend_url: str) -> tuple[list[Waiting], Counter[int]]:
    """Who waits for a model server, and how many answers are being written for whom. One query."""
    waiting, running = [], Counter[int]()
    for pk, user_id, status, since in _live_rows(backend_url=backend_url):
        if status == GenerationStatus.RUNNING:
            running[user_id] += 1
        else:
            waiting.append(Waiting(pk, user_id, since))
    return waiting, running


@prepared
def _live_rows(*, backend_url: str) -> QuerySet[Generation, tuple[UUID, int, str, datetime]]:
    live = Generation.objects.live().at_server(backend_url).order_by()
    return live.values_list("pk", "turn__conversation__user", "status", "queued_at")


@prepared
def _waiting(*, backend_url: str) -> QuerySet[Generation, UUID]:
    queued = Generation.objects.filter(status=GenerationStatus.QUEUED)
    return queued.at_server(backend_url).order_by().values_list("pk", flat=True)[:1]


def _last_turns(waiting: list[Waiting]) -> dict[int, datetime]:
    """When each person who waits last had a turn; not asked for one person alone."""
    people = {one.user_id for one in waiting}
    if len(people) < 2:  # noqa: PLR2004
        return {}
    since = timezone.now() - REMEMBERED
    turns = Generation.objects.filter(turn__conversation__user__in=people, started_at__gte=since)
    return dict(turns.values_list("turn__conversation__user").annotate(Max("started_at")).order_by())
