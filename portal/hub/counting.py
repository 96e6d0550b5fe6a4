"""Adding ended downloads up into holdings and tallies, so that reports need not read every request."""

from django.db import connection, transaction

# One batch a transaction: short enough that a download that ends meanwhile does not wait for it.
BATCH_ROWS = 5_000
# Any number will do, as long as nothing else in the database takes it.
COUNTING_LOCK = 0xC0147

# One statement, so that no download is counted twice or marked without being counted. What was
# counted before and has sent more since, as a download whose server was taken for dead, adds the rest.
_COUNT = """
WITH picked AS (
    SELECT id, user_id, file_id, day, family, started_at, spans, sent_bytes, counted_bytes
    FROM hub_download
    WHERE ended_at IS NOT NULL AND NOT is_counted
    ORDER BY id LIMIT %(batch)s FOR UPDATE
), marked AS (
    UPDATE hub_download SET counted_bytes = picked.sent_bytes FROM picked
    WHERE hub_download.id = picked.id RETURNING 1
), tallied AS (
    INSERT INTO hub_tally (revision_id, day, family, request_count, sent_bytes)
    SELECT
        file.revision_id, picked.day, picked.family,
        COUNT(*) FILTER (WHERE counted_bytes < 0), SUM(sent_bytes - GREATEST(counted_bytes, 0))
    FROM picked JOIN releases_weightfile AS file ON file.id = picked.file_id
    GROUP BY 1, 2, 3
    ON CONFLICT (revision_id, day, family) DO UPDATE SET
        request_count = hub_tally.request_count + EXCLUDED.request_count,
        sent_bytes = hub_tally.sent_bytes + EXCLUDED.sent_bytes
), unions AS (
    SELECT user_id, file_id, range_agg(piece) AS spans
    FROM picked, portal_sent_ranges(picked.spans, picked.sent_bytes) AS piece
    GROUP BY 1, 2
), sums AS (
    SELECT
        user_id, file_id, COUNT(*) FILTER (WHERE counted_bytes < 0) AS request_count,
        SUM(sent_bytes - GREATEST(counted_bytes, 0)) AS sent_bytes,
        MIN(started_at) AS first_at, MAX(started_at) AS last_at, MAX(id) AS last_download_id
    FROM picked GROUP BY 1, 2
), held AS (
    INSERT INTO hub_holding (
        user_id, file_id, spans, held_bytes, request_count, sent_bytes, first_at, last_at, last_download_id
    )
    SELECT
        user_id, file_id, COALESCE(unions.spans, '{}'), portal_count_bytes(COALESCE(unions.spans, '{}')),
        request_count, sent_bytes, first_at, last_at, last_download_id
    FROM sums LEFT JOIN unions USING (user_id, file_id)
    ON CONFLICT (file_id, user_id) DO UPDATE SET
        spans = hub_holding.spans + EXCLUDED.spans,
        held_bytes = portal_count_bytes(hub_holding.spans + EXCLUDED.spans),
        request_count = hub_holding.request_count + EXCLUDED.request_count,
        sent_bytes = hub_holding.sent_bytes + EXCLUDED.sent_bytes,
        first_at = LEAST(hub_holding.first_at, EXCLUDED.first_at),
        last_at = GREATEST(hub_holding.last_at, EXCLUDED.last_at),
        last_download_id = GREATEST(hub_holding.last_download_id, EXCLUDED.last_download_id)
)
SELECT COUNT(*) FROM marked
"""


def count_ended(*, batch: int = BATCH_ROWS) -> int:
    """Count every ended download that is not counted yet; return how many.

    Does nothing while another process is at it. One statement and one transaction a batch.
    """
    total = 0
    while True:
        done = _count_batch(batch)
        total += done
        if done < batch:
            return total


@transaction.atomic
def _count_batch(batch: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [COUNTING_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_COUNT, {"batch": batch})
        return int(cursor.fetchone()[0])
