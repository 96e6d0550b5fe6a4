"""The statements that add a batch of usage to the database, one a table whatever the batch's size."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import connection

from portal.keys.percentiles import added, bucket_of


@dataclass
class Sums:
    """What is added to one row; `first_tokens` is a histogram of `portal.keys.percentiles`."""

    requests: int = 0
    failures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_tokens: list[int] = field(default_factory=list)

    def add_first_token(self, milliseconds: int) -> None:
        """Count one time to the first token."""
        bucket = bucket_of(milliseconds)
        self.first_tokens += [0] * (bucket + 1 - len(self.first_tokens))
        self.first_tokens[bucket] += 1


@dataclass(frozen=True, slots=True)
class LastUse:
    """The latest request with a key: when, from which address, by which client; "" for unknown."""

    at: datetime
    address: str
    client: str


Rows = Mapping[tuple[int, int, date], Sums]

# What belongs to a key or a release that is gone meanwhile is dropped.
_BY_KEY = """
INSERT INTO keys_dailyusage AS known (key_id, release_id, day, requests_count, failures_count,
    prompt_tokens_count, completion_tokens_count, first_token_counts)
SELECT given.* FROM json_to_recordset(%s) AS given(key_id bigint, release_id bigint, day date,
    requests bigint, failures bigint, prompt_tokens bigint, completion_tokens bigint, first_tokens bigint[])
WHERE EXISTS (SELECT FROM keys_apikey WHERE id = given.key_id)
    AND EXISTS (SELECT FROM releases_release WHERE id = given.release_id)
ON CONFLICT (key_id, release_id, day)
"""
_BY_RELEASE = """
INSERT INTO keys_dailyreleaseusage AS known (release_id, day, requests_count, failures_count,
    prompt_tokens_count, completion_tokens_count, first_token_counts)
SELECT given.* FROM json_to_recordset(%s) AS given(release_id bigint, day date,
    requests bigint, failures bigint, prompt_tokens bigint, completion_tokens bigint, first_tokens bigint[])
WHERE EXISTS (SELECT FROM releases_release WHERE id = given.release_id)
ON CONFLICT (day, release_id)
"""
_ADDED_TO = """
DO UPDATE SET
    requests_count = known.requests_count + excluded.requests_count,
    failures_count = known.failures_count + excluded.failures_count,
    prompt_tokens_count = known.prompt_tokens_count + excluded.prompt_tokens_count,
    completion_tokens_count = known.completion_tokens_count + excluded.completion_tokens_count,
    first_token_counts = ARRAY(
        SELECT coalesce(was, 0) + coalesce(comes, 0)
        FROM unnest(known.first_token_counts, excluded.first_token_counts)
            WITH ORDINALITY AS bucket(was, comes, number)
        ORDER BY number)
"""
_NOTE_LAST_USE = """
UPDATE keys_apikey AS key
SET last_used_at = given.at, last_used_address = given.address, last_used_client = given.client
FROM json_to_recordset(%s) AS given(id bigint, at timestamptz, address inet, client varchar)
WHERE key.id = given.id AND (key.last_used_at IS NULL OR key.last_used_at < given.at)
"""


def write(rows: Rows, last_uses: Mapping[int, LastUse]) -> None:
    """Add the sums to their rows and note the last uses. Three statements."""
    releases: dict[tuple[int, date], list[Sums]] = defaultdict(list)
    for (_, release_id, day), sums in rows.items():
        releases[release_id, day].append(sums)
    uses = [
        {"id": key_id, "at": one.at.isoformat(), "address": one.address or None, "client": one.client}
        for key_id, one in last_uses.items()
    ]
    by_key = [
        {"key_id": key_id, "release_id": release_id, "day": day.isoformat(), **_numbers([sums])}
        for (key_id, release_id, day), sums in rows.items()
    ]
    by_release = [
        {"release_id": release_id, "day": day.isoformat(), **_numbers(several)}
        for (release_id, day), several in releases.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_BY_KEY + _ADDED_TO, [json.dumps(by_key)])
        cursor.execute(_BY_RELEASE + _ADDED_TO, [json.dumps(by_release)])
        cursor.execute(_NOTE_LAST_USE, [json.dumps(uses)])


def _numbers(several: Iterable[Sums]) -> dict[str, Any]:
    """The sums of `several`."""
    every = list(several)
    return {
        "requests": sum(one.requests for one in every),
        "failures": sum(one.failures for one in every),
        "prompt_tokens": sum(one.prompt_tokens for one in every),
        "completion_tokens": sum(one.completion_tokens for one in every),
        "first_tokens": added(one.first_tokens for one in every),
    }
