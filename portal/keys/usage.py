"""From the stream of metered requests to daily sums: how an entry looks, and how each is added once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

import redis
from django.conf import settings
from django.db import transaction

from portal.keys import networks, usage_writing
from portal.keys.models import UsageCursor
from portal.keys.networks import Use
from portal.keys.usage_writing import LastUse, Sums

STREAM = "portal:usage"
# The task empties it every few seconds; the bound is for hours in which no worker runs.
STREAM_LENGTH_MAX = 1_000_000
BATCH_ENTRIES_MAX = 5_000
# In the place of a release's id: the key was used, and no model asked. It counts as no request.
NO_RELEASE = 0

Entries = Iterable[tuple[bytes, Mapping[bytes, bytes]]]


Rows = dict[tuple[int, int, date], Sums]
LastUses = dict[int, LastUse]


def fields(
    *,
    key_id: int,
    release_id: int,
    status: int,
    prompt_tokens: int,
    completion_tokens: int,
    first_token_ms: int | None = None,
    is_stream: bool = False,
    client: str = "",
    address: str = "",
) -> tuple[str | int, ...]:
    """The fields and values of one stream entry, as XADD takes them; every entry has as many.

    `first_token_ms` is the time to the first token of a stream, or to a plain answer's first
    byte; None if there was none. `client` is the User-Agent.
    """
    return (
        # An HTTPStatus is no int to who packs commands.
        *("k", key_id, "r", release_id, "s", int(status), "p", prompt_tokens, "c", completion_tokens),
        *("t", "" if first_token_ms is None else first_token_ms, "f", int(is_stream)),
        *("u", client, "a", address),
    )


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
        rows, last_uses, uses = added_up(entries)
        usage_writing.write(rows, last_uses)
        networks.note(uses)
        cursor.last_id = entries[-1][0].decode()
        cursor.save(update_fields=["last_id"])
    # Only what is safely in the database leaves the stream; at worst the next batch trims it.
    client.xtrim(STREAM, minid=cursor.last_id, approximate=False)
    return len(entries)


def added_up(entries: Entries) -> tuple[Rows, LastUses, list[Use]]:
    """The entries added up by key, release and day, the last use of each key, and one for each address.

    The stream's own ids tell the time (ms since 1970). Entries of the time before the later
    fields lack them.
    """
    rows: Rows = defaultdict(Sums)
    last_uses: LastUses = {}
    uses: dict[tuple[int, str], Use] = {}
    for entry_id, given in entries:
        at = datetime.fromtimestamp(int(entry_id.partition(b"-")[0]) / 1000, tz=UTC)
        key_id = int(given[b"k"])
        if (release_id := int(given[b"r"])) != NO_RELEASE:
            _add(rows[key_id, release_id, at.date()], given)
        # The stream is in the order of time.
        last = last_uses[key_id] = LastUse(at, _address(given.get(b"a", b"")), _text(given.get(b"u", b"")))
        if (key_id, last.address) not in uses:
            uses[key_id, last.address] = Use(key_id, at, last.address, last.client)
    return rows, last_uses, list(uses.values())


def _add(sums: Sums, given: Mapping[bytes, bytes]) -> None:
    sums.requests += 1
    sums.failures += int(given[b"s"]) >= HTTPStatus.BAD_REQUEST
    sums.prompt_tokens += int(given[b"p"])
    sums.completion_tokens += int(given[b"c"])
    if first_token_ms := given.get(b"t"):
        sums.add_first_token(int(first_token_ms))


def _text(given: bytes) -> str:
    """Text as PostgreSQL takes it."""
    return given.decode(errors="replace").replace("\x00", "")


def _address(given: bytes) -> str:
    """The address, "" for what is none: a proxy may have written anything."""
    try:
        return str(ip_address(_text(given)))
    except ValueError:
        return ""
