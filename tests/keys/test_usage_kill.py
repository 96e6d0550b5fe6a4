"""A worker that is killed in the middle of writing usage: nothing is lost and nothing counted twice."""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection, transaction

from portal.keys import usage
from portal.keys.models import ApiKey, DailyReleaseUsage, DailyUsage
from tests.gateway.conftest import eventually
from tests.gateway.processes import environment
from tests.keys.test_usage import meter, stream

__all__ = ["stream"]

WORK = "import django; django.setup(); from portal.keys import usage; usage.record_new()"
pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]


def waiting_writers():
    """The backends that wait for a lock in the statement that comes after the sums."""
    with connection.cursor() as cursor:
        # Within a transaction the view would stay as it was seen first.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND query LIKE '%UPDATE keys_apikey%'"
        )
        return cursor.fetchone()[0]


def test_a_worker_killed_between_the_sums_and_the_commit_counts_nothing_twice(stream, laptop, release):
    for _ in range(3):
        meter(stream, laptop.key, release, first_token_ms=20)
    environ = os.environ | environment() | {"DJANGO_SETTINGS_MODULE": "portal.settings"}
    with transaction.atomic():
        # The worker has written its sums when it comes to this row.
        ApiKey.objects.select_for_update(no_key=True).get(pk=laptop.key.pk)
        worker = subprocess.Popen([sys.executable, "-c", WORK], env=environ)
        eventually(lambda: waiting_writers() == 1, within_seconds=30)
        worker.send_signal(signal.SIGKILL)
        assert worker.wait() == -signal.SIGKILL

    until = time.monotonic() + 20
    while not usage.record_new() and time.monotonic() < until:
        time.sleep(0.05)  # The database has yet to notice that the worker is gone.
    usage.record_new()

    assert DailyUsage.objects.get().requests_count == 3
    assert DailyReleaseUsage.objects.get().requests_count == 3
    assert sum(DailyUsage.objects.get().first_token_counts) == 3
