"""From the stream of metered requests to the page."""

from datetime import UTC, datetime

import pytest

from portal.keys import actions, usage, usage_writing
from portal.keys.models import DEVELOPER_SCOPES, ApiKey, DailyReleaseUsage, DailyUsage
from portal.keys.percentiles import bucket_of


@pytest.fixture
def stream(valkey):
    """The stream, empty before and after."""
    valkey.delete(usage.STREAM)
    yield valkey
    valkey.delete(usage.STREAM)


def meter(stream, key, release, *, status=200, prompt=10, completion=5, **others):
    flat = usage.fields(
        key_id=key.pk,
        release_id=release.pk,
        status=status,
        prompt_tokens=prompt,
        completion_tokens=completion,
        **others,
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
    whole = usage_writing.write

    def fails_at_the_end(*given):
        whole(*given)
        raise RuntimeError

    monkeypatch.setattr(usage_writing, "write", fails_at_the_end)
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


def test_an_entry_without_the_later_fields_is_counted(stream, laptop, release):
    old = {"k": laptop.key.pk, "r": release.pk, "s": 200, "p": 3, "c": 4}
    stream.xadd(usage.STREAM, old)
    meter(stream, laptop.key, release, first_token_ms=5)

    usage.record_new()

    row = DailyUsage.objects.get()
    assert (row.requests_count, row.prompt_tokens_count, sum(row.first_token_counts)) == (2, 13, 1)


def test_times_to_the_first_token_are_counted_by_bucket_and_added_up(stream, laptop, release):
    for milliseconds in (0, 250, 250, None):
        meter(stream, laptop.key, release, first_token_ms=milliseconds)
    usage.record_new()
    for milliseconds in (250, 90_000):
        meter(stream, laptop.key, release, first_token_ms=milliseconds)
    usage.record_new()

    row, whole = DailyUsage.objects.get(), DailyReleaseUsage.objects.get()
    counts = {bucket: count for bucket, count in enumerate(row.first_token_counts) if count}
    assert counts == {0: 1, bucket_of(250): 3, bucket_of(90_000): 1}
    assert whole.first_token_counts == row.first_token_counts
    assert (whole.requests_count, row.requests_count) == (6, 6)


@pytest.mark.parametrize(
    ("address", "kept"),
    [("2001:db8::7", "2001:db8::7"), ("10.0.0.1:80, evil", None), ("", None)],
)
def test_usage_notes_address_and_client_of_the_last_use(stream, laptop, release, address, kept):
    meter(stream, laptop.key, release, client="older", address="10.0.0.9")
    meter(stream, laptop.key, release, client="OpenAI/Python 3", address=address)

    usage.record_new()

    laptop.key.refresh_from_db()
    assert (laptop.key.last_used_client, laptop.key.last_used_address) == ("OpenAI/Python 3", kept)


def test_a_batch_costs_as_many_queries_for_one_row_and_twenty(
    stream, ada, release, django_assert_num_queries
):
    keys = [actions.create(ada, name=f"{n}", scopes=DEVELOPER_SCOPES, by=ada).key for n in range(20)]
    meter(stream, keys[0], release)
    usage.record_new()
    costs = []
    for some in (keys[:1], keys):
        for key in some:
            meter(stream, key, release)
        # The savepoint's two are of the test's own transaction; the last two find nothing new.
        with django_assert_num_queries(12) as queries:
            usage.record_new()
        costs.append(len(queries))

    assert DailyUsage.objects.count() == 20
    assert DailyReleaseUsage.objects.get().requests_count == 22
