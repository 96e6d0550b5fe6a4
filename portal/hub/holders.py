"""Who holds a revision: the people to whom bytes of its files left, and how much of it they have.

A file is held when every byte of it left to the person, in whatever number of requests
and overlapping as they may: the union of the ranges that really left covers it. Bytes
count by their SHA-256, through whichever revision of the release they came, because the
Hub's clients do not fetch again what an earlier revision gave them.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, models

from portal.accounts.models import User
from portal.hub.models import Download, Scope
from portal.releases.models import Revision

CHUNK_ROWS = 500


class Kept(models.TextChoices):
    """How much of a revision somebody has."""

    WHOLE = "whole", "All of it"
    PART = "part", "A part"


@dataclass(frozen=True, slots=True)
class Holder:
    """One person's share of a revision; `last` is their newest download of it."""

    user: User
    last: Download
    begun_files: int
    held_files: int
    total_files: int
    held_bytes: int
    total_bytes: int
    request_count: int
    sent_bytes: int
    first_at: datetime
    last_at: datetime
    is_running: bool

    @property
    def kept(self) -> Kept:
        """Whether it is all of it."""
        return Kept.WHOLE if self.held_files == self.total_files else Kept.PART


@dataclass(frozen=True, slots=True)
class Place:
    """Behind whom a page of holders begins."""

    at: datetime
    user_id: int


@dataclass(frozen=True, slots=True)
class Headcount:
    """How many people hold a revision."""

    whole: int
    part: int

    @property
    def all(self) -> int:
        """Everybody."""
        return self.whole + self.part


# `fresh` are the downloads that are not in the holdings yet: those under way, and the last few seconds'.
# Ranges are united only where no single row has the whole file, which is seldom.
_HOLDERS = """
WITH wanted AS (
    SELECT row_number() OVER () AS number, sha256, size_bytes, COUNT(*) AS files
    FROM releases_weightfile WHERE revision_id = %(revision)s GROUP BY sha256, size_bytes
), total AS (
    SELECT COALESCE(SUM(files), 0) AS files, COALESCE(SUM(files * size_bytes), 0) AS bytes FROM wanted
), source AS (
    SELECT file.id, wanted.number, file.revision_id = %(revision)s AS is_own
    FROM releases_weightfile AS file
    JOIN wanted USING (sha256)
    JOIN releases_revision AS revision ON revision.id = file.revision_id
    WHERE revision.release_id = %(release)s
), fresh AS MATERIALIZED (
    SELECT
        download.id, download.user_id, source.number, source.is_own, download.sent_bytes,
        download.counted_bytes, download.started_at, download.ended_at,
        (
            SELECT COALESCE(range_agg(piece), '{}')
            FROM portal_sent_ranges(download.spans, download.sent_bytes) AS piece
        ) AS spans
    FROM hub_download AS download JOIN source ON source.id = download.file_id
    WHERE NOT download.is_counted
), part AS (
    SELECT
        holding.user_id, source.number, source.is_own, holding.spans, holding.held_bytes,
        holding.request_count, holding.sent_bytes, holding.first_at, holding.last_at,
        holding.last_download_id, false AS is_running
    FROM hub_holding AS holding JOIN source ON source.id = holding.file_id
    UNION ALL
    SELECT
        user_id, number, is_own, spans, portal_count_bytes(spans),
        (counted_bytes < 0)::integer, sent_bytes - GREATEST(counted_bytes, 0), started_at, started_at,
        id, ended_at IS NULL
    FROM fresh
), share AS (
    SELECT
        part.user_id, part.number, COUNT(*) AS parts, MAX(held_bytes) AS best_bytes,
        bool_or(is_own) AS is_own, bool_or(is_running) AS is_running,
        SUM(request_count) FILTER (WHERE is_own) AS own_requests, SUM(request_count) AS requests,
        SUM(sent_bytes) FILTER (WHERE is_own) AS own_sent_bytes, SUM(sent_bytes) AS sent_bytes,
        MIN(first_at) FILTER (WHERE is_own) AS own_first_at, MIN(first_at) AS first_at,
        MAX(last_at) FILTER (WHERE is_own) AS own_last_at, MAX(last_at) AS last_at,
        MAX(last_download_id) FILTER (WHERE is_own) AS own_last_id, MAX(last_download_id) AS last_id
    FROM part GROUP BY part.user_id, part.number
), united AS (
    SELECT part.user_id, part.number, portal_count_bytes(range_agg(piece)) AS bytes
    FROM share JOIN wanted USING (number)
    JOIN part USING (user_id, number), unnest(part.spans) AS piece
    WHERE share.parts > 1 AND share.best_bytes < wanted.size_bytes
    GROUP BY part.user_id, part.number
), holder AS (
    SELECT
        user_id, SUM(files) AS begun_files,
        COALESCE(SUM(files) FILTER (WHERE COALESCE(united.bytes, best_bytes) >= size_bytes), 0) AS held_files,
        SUM(files * COALESCE(united.bytes, best_bytes)) AS held_bytes,
        COALESCE(SUM(own_requests), SUM(requests)) AS requests,
        COALESCE(SUM(own_sent_bytes), SUM(sent_bytes)) AS sent_bytes,
        COALESCE(MIN(own_first_at), MIN(first_at)) AS first_at,
        COALESCE(MAX(own_last_at), MAX(last_at)) AS last_at,
        COALESCE(MAX(own_last_id), MAX(last_id)) AS last_id,
        bool_or(is_own) AS is_own, bool_or(is_running) AS is_running
    FROM share JOIN wanted USING (number) LEFT JOIN united USING (user_id, number)
    GROUP BY user_id
), found AS (
    SELECT
        holder.*, total.files AS total_files, total.bytes AS total_bytes,
        CASE WHEN holder.held_files = total.files THEN 'whole' ELSE 'part' END AS kept
    FROM holder, total
    -- Whoever was answered and got nothing holds nothing, unless some of it is just leaving.
    WHERE (holder.is_own OR %(scope)s = 'bytes')
        AND (holder.held_files > 0 OR holder.held_bytes > 0 OR holder.is_running)
)
"""
_PAGE = """
SELECT
    user_id, last_id,
    begun_files::integer, held_files::integer, total_files::integer, held_bytes::bigint, total_bytes::bigint,
    requests::integer AS request_count, sent_bytes::bigint, first_at, last_at, is_running
FROM found
WHERE (%(kept)s = '' OR kept = %(kept)s)
    AND (%(people)s::bigint[] IS NULL OR user_id = ANY (%(people)s::bigint[]))
    AND (%(after_at)s::timestamptz IS NULL OR (last_at, user_id) < (%(after_at)s, %(after_id)s))
ORDER BY last_at DESC, user_id DESC
LIMIT %(limit)s
"""
_COUNT = "SELECT COUNT(*) FILTER (WHERE kept = 'whole'), COUNT(*) FILTER (WHERE kept = 'part') FROM found"


def page_of(
    revision: Revision,
    *,
    scope: str = Scope.ASKED,
    kept: str = "",
    people: Collection[int] | None = None,
    after: Place | None = None,
    limit: int | None = None,
) -> list[Holder]:
    """Those who hold `revision`, whoever downloaded last first; `limit` None means all.

    `kept` is a Kept or "" for any; `people` are ids of users, None for anybody. Three queries.
    """
    rows = _rows(revision, scope=scope, kept=kept, people=people, after=after, limit=limit)
    return _filled(rows)


def every(revision: Revision, *, scope: str = Scope.ASKED, kept: str = "") -> Iterator[Holder]:
    """All who hold `revision`, for an export or a mailing: read once, and filled in by chunks of 500."""
    rows = _rows(revision, scope=scope, kept=kept)
    for start in range(0, len(rows), CHUNK_ROWS):
        yield from _filled(rows[start : start + CHUNK_ROWS])


def headcount(revision: Revision, *, scope: str = Scope.ASKED) -> Headcount:
    """How many hold `revision`. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS + _COUNT, _facts(revision, scope))
        whole, part = cursor.fetchone()
    return Headcount(whole, part)


def _rows(
    revision: Revision,
    *,
    scope: str,
    kept: str,
    people: Collection[int] | None = None,
    after: Place | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    facts = _facts(revision, scope) | {
        "kept": kept,
        "people": None if people is None else list(people),
        "after_at": after.at if after else None,
        "after_id": after.user_id if after else None,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS + _PAGE, facts)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _facts(revision: Revision, scope: str) -> dict[str, Any]:
    return {"revision": revision.pk, "release": revision.release_id, "scope": scope}


def _filled(rows: list[dict[str, Any]]) -> list[Holder]:
    people = User.objects.in_bulk([row["user_id"] for row in rows])
    newest = Download.objects.select_related("acceptance__version", "file").in_bulk(
        [row["last_id"] for row in rows]
    )
    return [Holder(user=people[row.pop("user_id")], last=newest[row.pop("last_id")], **row) for row in rows]
