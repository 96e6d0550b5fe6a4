"""From the stream of metered requests to daily sums: how an entry looks, and how each is added once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Any

import redis
from django.conf import settings
from django.db import transaction
from django.db.models import F

from portal.keys.models import ApiKey, DailyUsage, UsageCursor
from portal.releases.models import Release

STREAM = "portal:usage"
# The task empties it every few seconds; the bound is for hours in which no worker runs.
STREAM_LENGTH_MAX = 1_000_000
BATCH_ENTRIES_MAX = 5_000

Entries = Iterable[tuple[bytes, Mapping[bytes, bytes]]]


@dataclass
class Sums:
    """What is added to one row."""

    requests: int = 0
    failures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    last_at: datetime = field(default=datetime.min.replace(tzinfo=UTC))


def fields(
    *, key_id: int, release_id: int, status: int, prompt_tokens: int, completion_tokens: int
) -> tuple[str | int, ...]:
    """The fields and values of one stream entry, as XADD takes them."""
    # An HTTPStatus is no int to who packs commands.
    return ("k", key_id, "r", release_id, "s", int(status), "p", prompt_tokens, "c", completion_tokens)


def record_new() -> int:
    """Add every entry that is new in the stream to the daily sums, each exactly once; return how many.

    The cursor moves in the transaction that writes the sums, so a task that dies or runs
    twice adds nothing twice. When another task is at work this one leaves it alone.
    """
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=10) as client:
        recorded = 0
        while batch := _record_batch(client):
            recorded += batch
        return recorded


def _record_batch(client: redis.Redis) -> int:
    UsageCursor.objects.get_or_create(stream=STREAM)
    with transaction.atomic():
        cursor = UsageCursor.objects.select_for_update(skip_locked=True).filter(stream=STREAM).first()
        if cursor is None:
            return 0
        entries: Any = client.xrange(STREAM, min=f"({cursor.last_id}", count=BATCH_ENTRIES_MAX)
        if not entries:
            return 0
        _write(_added_up(entries))
        cursor.last_id = entries[-1][0].decode()
        cursor.save(update_fields=["last_id"])
    # Only what is safely in the database leaves the stream; at worst the next batch trims it.
    client.xtrim(STREAM, minid=cursor.last_id, approximate=False)
    return len(entries)


def _added_up(entries: Entries) -> dict[tuple[int, int, date], Sums]:
    """The entries added up by key, release and day. The stream's own ids tell the time (ms since 1970)."""
    rows: dict[tuple[int, int, date], Sums] = defaultdict(Sums)
    for entry_id, given in entries:
        at = datetime.fromtimestamp(int(entry_id.partition(b"-")[0]) / 1000, tz=UTC)
        sums = rows[int(given[b"k"]), int(given[b"r"]), at.date()]
        sums.requests += 1
        sums.failures += int(given[b"s"]) >= HTTPStatus.BAD_REQUEST
        sums.prompt_tokens += int(given[b"p"])
        sums.completion_tokens += int(given[b"c"])
        sums.last_at = max(sums.last_at, at)
    return rows


def _write(rows: Mapping[tuple[int, int, date], Sums]) -> None:
    """Add the sums to their rows. What belongs to a key or a release that is gone meanwhile is dropped."""
    keys = set(ApiKey.objects.filter(pk__in={row[0] for row in rows}).values_list("pk", flat=True))
    releases = set(Release.objects.filter(pk__in={row[1] for row in rows}).values_list("pk", flat=True))
    for (key_id, release_id, day), sums in sorted(rows.items()):
        if key_id not in keys or release_id not in releases:
            continue
        DailyUsage.objects.get_or_create(key_id=key_id, release_id=release_id, day=day)
        DailyUsage.objects.filter(key_id=key_id, release_id=release_id, day=day).update(
            requests_count=F("requests_count") + sums.requests,
            failures_count=F("failures_count") + sums.failures,
            prompt_tokens_count=F("prompt_tokens_count") + sums.prompt_tokens,
            completion_tokens_count=F("completion_tokens_count") + sums.completion_tokens,
        )
        ApiKey.objects.filter(pk=key_id).used_before(sums.last_at).update(last_used_at=sums.last_at)
