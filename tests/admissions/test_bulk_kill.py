"""A worker that is killed in the middle of a decision on two thousand: each is decided exactly once."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.bulk import actions as bulk
from portal.admissions.bulk import tasks
from portal.admissions.models import Application, BulkDecision, BulkStatus, ItemOutcome, Note
from portal.admissions.models import ApplicationStatus as Status
from portal.admissions.programmes import starter
from portal.ledger.actions import first_break
from portal.ledger.models import Entry
from tests import cast
from tests.gateway.conftest import eventually
from tests.gateway.processes import environment

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]
NUMBER = 2_000
WORKER = (
    *(sys.executable, "-m", "celery", "-A", "portal.celery:app", "worker", "--pool", "threads", "-c", "2"),
    *("-Q", "default", "--without-mingle", "--without-gossip", "--without-heartbeat", "-l", "WARNING"),
)


def waiting_list(number: int = NUMBER) -> None:
    """So many people who wait for room."""
    programme, now = starter.early_access(by=None), timezone.now()
    people = User.objects.bulk_create(
        User(email=f"p{one}@example.org", full_name=f"Person {one}") for one in range(number)
    )
    waiting = Application.objects.bulk_create(
        Application(programme=programme, applicant=one, status=Status.WAITLISTED, submitted_at=now)
        for one in people
    )
    Note.objects.bulk_create(
        Note(application=one, status=one.status, verb="application.waitlisted") for one in waiting
    )


def test_each_of_two_thousand_is_decided_once_although_the_worker_is_killed(tmp_path):
    waiting_list()
    rosa = cast.staff("rosa@example.org", "Reviewers")
    environ = os.environ | environment() | {"PORTAL_HOME": str(tmp_path)}
    first = subprocess.Popen(WORKER, env=environ)
    second = None
    try:
        prepared = bulk.prepare(Application.objects.all(), verb="approve", by=rosa)
        bulk.begin(prepared, by=rosa)
        decided = prepared.items.filter(outcome=ItemOutcome.DECIDED)
        eventually(lambda: decided.count() > NUMBER / 10, within_seconds=90)
        first.send_signal(signal.SIGKILL)
        assert first.wait() == -signal.SIGKILL
        assert NUMBER / 10 < decided.count() < NUMBER

        second = subprocess.Popen(WORKER, env=environ)
        BulkDecision.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=1))
        tasks.resume_bulk_decisions()
        eventually(lambda: BulkDecision.objects.get().status == BulkStatus.DONE, within_seconds=240)
    finally:
        for worker in (first, second):
            if worker is not None:
                worker.kill()
                worker.wait()

    assert decided.count() == NUMBER
    assert Application.objects.filter(status=Status.APPROVED).count() == NUMBER
    assert Note.objects.filter(verb="application.approved").count() == NUMBER
    assert Entry.objects.filter(verb="application.approved").count() == NUMBER
    assert first_break() is None
