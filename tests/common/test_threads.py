"""Threads of our own and the database."""

import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from playground.tasks import sweep_conversations
from portal.accounts.models import User
from portal.common.threads import TURN_SECONDS, let_go_after


@pytest.mark.django_db
@pytest.mark.parametrize("work", [lambda: let_go_after(User.objects.count), sweep_conversations.apply])
def test_with_debug_a_thread_without_requests_collects_no_queries(settings, work):
    settings.DEBUG = True
    assert User.objects.count() == 0
    assert len(connection.queries_log) > 0

    work()

    assert len(connection.queries_log) == 0


@pytest.mark.django_db
def test_queries_that_are_counted_on_purpose_stay():
    with CaptureQueriesContext(connection) as counted:
        let_go_after(User.objects.count)
        let_go_after(User.objects.count)

    assert len(counted) == 2


@pytest.mark.django_db(transaction=True)
def test_a_thread_keeps_no_connection():
    let_go_after(User.objects.count)

    assert connection.connection is None


@pytest.mark.parametrize(
    "start",
    [
        "import portal.asgi",
        "import portal.celery; from celery.signals import worker_init; worker_init.send(sender=None)",
    ],
    ids=["web", "worker"],
)
def test_threads_of_servers_take_short_turns(start):
    printed = subprocess.check_output(
        [sys.executable, "-c", f"{start}; import sys; print(sys.getswitchinterval())"],
        cwd=settings.BASE_DIR,
        text=True,
    )

    assert float(printed) == TURN_SECONDS
