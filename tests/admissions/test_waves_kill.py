"""A worker that is killed in the middle of a wave of hundreds: drawn once, each admitted exactly once."""

import os
import signal
import subprocess
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from portal.admissions.models import Application, CandidateOutcome, Note, Programme, Wave, WaveStatus
from portal.admissions.models import ApplicationStatus as Status
from portal.admissions.waves import tasks as wave_tasks
from portal.ledger.actions import first_break
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.test_bulk_kill import WORKER, waiting_list
from tests.admissions.waiting import due
from tests.gateway.conftest import eventually
from tests.gateway.processes import environment

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]
NUMBER = 600


def test_each_of_a_wave_is_admitted_once_although_the_worker_is_killed(tmp_path):
    waiting_list(NUMBER)
    wave = due(Programme.objects.get(), cast.staff("rosa@example.org", "Reviewers"), size=NUMBER - 100)
    environ = os.environ | environment() | {"PORTAL_HOME": str(tmp_path)}
    first = subprocess.Popen(WORKER, env=environ)
    second = None
    try:
        # Beat looks twice before the first worker gets to it.
        wave_tasks.release_due_waves()
        wave_tasks.release_due_waves()
        admitted = wave.candidates.filter(outcome=CandidateOutcome.APPROVED)
        eventually(lambda: admitted.count() > NUMBER / 10, within_seconds=90)
        first.send_signal(signal.SIGKILL)
        assert first.wait() == -signal.SIGKILL
        assert NUMBER / 10 < admitted.count() < NUMBER - 100

        second = subprocess.Popen(WORKER, env=environ)
        Wave.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=1))
        wave_tasks.release_due_waves()
        eventually(lambda: Wave.objects.get().status == WaveStatus.RELEASED, within_seconds=240)
    finally:
        for worker in (first, second):
            if worker is not None:
                worker.kill()
                worker.wait()

    assert admitted.count() == NUMBER - 100
    assert Application.objects.filter(status=Status.APPROVED).count() == NUMBER - 100
    assert Note.objects.filter(verb="application.approved").count() == NUMBER - 100
    assert Entry.objects.filter(verb="application.approved").count() == NUMBER - 100
    assert [entry.verb for entry in Entry.objects.about(wave)] == [
        "wave.planned",
        "wave.drawn",
        "wave.released",
    ]
    assert first_break() is None
    call_command("replay_wave", str(wave.pk))
