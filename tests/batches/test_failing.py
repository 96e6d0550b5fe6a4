"""Batches whose worker is killed or stopped, whose model is away, or whose owner loses access."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone
from openai import OpenAI

from playground.batches.models import Batch
from portal.accounts.models import User
from portal.admissions.models import Application, ApplicationStatus
from portal.keys.models import DailyUsage
from portal.keys.usage import record_new
from tests.batches.conftest import ended, sent
from tests.batches.stack import BatchStack, request
from tests.batches.test_client import lines_of
from tests.playground.stack import wait_for

pytestmark = pytest.mark.live

RESEND = "from playground.batches.dispatching import resend_lost; resend_lost()"


def test_worker_is_killed_and_no_line_is_asked_twice(client: OpenAI, stack: BatchStack) -> None:
    lines = [request(f"l{number}", f"words=1 first=0.2 kill{number}") for number in range(24)]
    batch = sent(client, *lines)
    wait_for(lambda: client.batches.retrieve(batch.id).request_counts.completed >= 4)

    stack.kill("worker")
    long_ago = timezone.now() - timedelta(minutes=2)
    Batch.objects.filter(pk=batch.id).update(beat_at=long_ago, sent_at=long_ago)
    stack.run(RESEND)
    stack.start_worker()
    done = ended(client, batch)

    assert done.status == "completed"
    answered, lost = lines_of(client, done.output_file_id), lines_of(client, done.error_file_id)
    asked = Counter(words.rpartition(" ")[2] for words in stack.asked() if "kill" in words)
    assert set(asked.values()) == {1}
    assert {line["error"]["code"] for line in lost.values()} == {"worker_lost"}
    assert 1 <= len(lost) <= 4
    assert sorted([*answered, *lost]) == sorted(line["custom_id"] for line in lines)
    counts = done.request_counts
    assert (counts.completed, counts.failed) == (len(answered), len(lost))


def test_worker_is_stopped_and_its_lines_are_asked_by_the_next(client: OpenAI, stack: BatchStack) -> None:
    batch = sent(client, *(request(f"l{number}", "words=1 first=0.3") for number in range(12)))
    wait_for(lambda: client.batches.retrieve(batch.id).request_counts.completed >= 4)

    stack.stop_worker()
    stack.start_worker()
    done = ended(client, batch)

    assert (done.status, done.request_counts.completed, done.error_file_id) == ("completed", 12, None)


def test_batch_waits_for_a_model_that_is_away(client: OpenAI, stack: BatchStack) -> None:
    stack.kill("upstream")
    batch = sent(client, request("a", "words=1"))
    wait_for(lambda: client.batches.retrieve(batch.id).status == "in_progress")

    stack.start_upstream()
    done = ended(client, batch)

    assert (done.status, done.request_counts.completed) == ("completed", 1)


def test_engine_fails_on_a_line_and_is_asked_again_four_times(client: OpenAI, stack: BatchStack) -> None:
    batch = sent(client, request("bad", "status=500 poison"), request("good"))

    done = ended(client, batch, seconds=40)

    assert done.request_counts.completed == 1
    assert sum("poison" in words for words in stack.asked()) == 4
    response = lines_of(client, done.error_file_id)["bad"]["response"]
    assert (response["status_code"], response["body"]["error"]["code"]) == (502, "model_server_failed")


def test_approval_is_revoked_and_batch_stops_with_the_reason(
    client: OpenAI, stack: BatchStack, ada: User
) -> None:
    quick, slow = request("quick"), [request(f"s{number}", "first=60") for number in range(5)]
    batch = sent(client, quick, *slow)
    wait_for(lambda: client.batches.retrieve(batch.id).request_counts.completed == 1)

    Application.objects.filter(applicant=ada).update(status=ApplicationStatus.REVOKED)
    done = ended(client, batch)

    assert (done.status, done.errors.data[0].code) == ("failed", "approved")
    assert list(lines_of(client, done.output_file_id)) == ["quick"]
    told = lines_of(client, done.error_file_id)
    assert {line["error"]["code"] for line in told.values()} == {"approved"}


def test_window_is_over_and_what_was_answered_is_kept(client: OpenAI, stack: BatchStack) -> None:
    batch = sent(client, request("quick"), *(request(f"s{number}", "first=60") for number in range(5)))
    wait_for(lambda: client.batches.retrieve(batch.id).request_counts.completed == 1)

    Batch.objects.filter(pk=batch.id).update(expires_at=timezone.now())
    done = ended(client, batch)

    assert (done.status, done.request_counts.failed) == ("expired", 5)
    assert list(lines_of(client, done.output_file_id)) == ["quick"]
    told = lines_of(client, done.error_file_id)
    assert {line["error"]["code"] for line in told.values()} == {"batch_expired"}


def test_usage_of_batch_is_counted_once(client: OpenAI, stack: BatchStack, settings) -> None:
    settings.REDIS_URL = stack.env["REDIS_URL"]
    record_new()
    DailyUsage.objects.all().delete()

    ended(client, sent(client, *(request(f"l{number}", "words=3") for number in range(6))))
    record_new()

    row = DailyUsage.objects.get()
    assert (row.requests_count, row.prompt_tokens_count, row.completion_tokens_count) == (6, 42, 18)
