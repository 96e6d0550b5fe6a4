"""From the stream of metered requests to the page."""

from datetime import UTC, datetime

import pytest

from portal.keys import actions, usage
from portal.keys.models import DEVELOPER_SCOPES, ApiKey, DailyUsage


@pytest.fixture
def stream(valkey):
    """The stream, empty before and after."""
    valkey.delete(usage.STREAM)
    yield valkey
    valkey.delete(usage.STREAM)


def meter(stream, key, release, *, status=200, prompt=10, completion=5):
    flat = usage.fields(
        key_id=key.pk,
        release_id=release.pk,
        status=status,
        prompt_tokens=prompt,
        completion_tokens=completion,
    )
    stream.xadd(usage.STREAM, dict(zip(flat[::2], flat[1::2], strict=True)))


def test_entries_are_added_up_once(stream, laptop, release):
    for status in (200, 200, 503):
        meter(stream, laptop.key, release, status=status)

    recorded = [usage.record_new(), usage.record_new()]
    meter(stream, laptop.key, release)
    recorded.append(usage.record_new())

    row = DailyUsage.objects.get()
    assert recorded == [3, 0, 1]
    assert (row.requests_count, row.failures_count) == (4, 1)
    assert (row.prompt_tokens_count, row.completion_tokens_count) == (40, 20)
    assert row.day == datetime.now(tz=UTC).date()
    # XTRIM by id keeps the entry of that id, which the cursor then passes over.
    assert stream.xlen(usage.STREAM) == 1


def test_a_write_that_fails_loses_and_doubles_nothing(stream, laptop, release, monkeypatch):
    meter(stream, laptop.key, release)
    whole = usage._write

    def fails_at_the_end(rows):
        whole(rows)
        raise RuntimeError

    monkeypatch.setattr(usage, "_write", fails_at_the_end)
    with pytest.raises(RuntimeError):
        usage.record_new()
    monkeypatch.undo()
    usage.record_new()

    assert DailyUsage.objects.get().requests_count == 1


def test_usage_sets_the_last_use_of_the_key(stream, laptop, release):
    meter(stream, laptop.key, release)

    usage.record_new()

    laptop.key.refresh_from_db()
    assert laptop.key.last_used_at is not None


def test_usage_of_a_deleted_key_is_dropped(stream, laptop, release):
    meter(stream, laptop.key, release)
    ApiKey.objects.all().delete()

    assert usage.record_new() == 1
    assert not DailyUsage.objects.exists()


def test_ada_sees_her_usage_and_mallory_does_not(stream, laptop, release, as_ada, as_mallory):
    meter(stream, laptop.key, release, prompt=12_345)
    usage.record_new()

    assert "12,345" in as_ada.get("/usage/").content.decode()
    assert "Nothing used yet" in as_mallory.get("/usage/").content.decode()


def test_the_page_costs_the_same_for_one_key_and_three(
    stream, ada, as_ada, release, django_assert_max_num_queries
):
    as_ada.get("/usage/")  # The first visit writes the session.
    costs = []
    for number in range(3):
        meter(stream, actions.create(ada, name=f"key {number}", scopes=DEVELOPER_SCOPES, by=ada).key, release)
        usage.record_new()
        with django_assert_max_num_queries(12) as queries:
            as_ada.get("/usage/")
        costs.append(len(queries))

    assert costs[0] == costs[2]
