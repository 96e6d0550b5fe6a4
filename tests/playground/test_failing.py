"""What breaks while an answer is asked for or written: it ends as failed with what had come, or recovers."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice

import pytest
from django.utils import timezone

from playground.models import Generation, GenerationStatus
from portal.admissions.models import Application, ApplicationStatus
from portal.local.preflight import free_port
from portal.releases.models import Release
from tests.playground.stack import ended, text_of, wait_for
from tests.playground.test_streaming import words

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

SWEEP = "from playground.sweeping import sweep; sweep()"
PROBE = "from playground.tasks import probe_model; probe_model()"


@pytest.mark.parametrize(
    ("wish", "code", "text"),
    [
        ("status=500", "model_failed", ""),
        ("status=503", "model_busy", ""),
        ("status=404", "model_not_served", ""),
        ("words=9 pause=0.02 die=4", "model_lost", words(4)),
        ("words=9 pause=0.02 error=4", "model_failed", words(4)),
        ("words=9 pause=0.02 hang=4", "model_silent", words(4)),
    ],
)
def test_a_model_server_that_fails_ends_the_answer_with_a_sentence(ada_visits, release, wish, code, text):
    generation = ada_visits.send(wish, release=release)

    events = list(ada_visits.events(generation))

    failed = ended(generation)
    assert (failed.status, failed.error_code, failed.text) == (GenerationStatus.FAILED, code, text)
    assert "Retry" in failed.error_sentence or code == "model_not_served"
    assert text_of(events) == text
    page = ada_visits.get(f"/playground/{generation.turn.conversation_id}/").text
    assert failed.error_sentence in page
    assert f"/playground/generations/{generation.pk}/retry/" in page


def test_a_model_server_that_is_away_fails_at_once_and_a_retry_works(ada_visits, stack, release):
    Release.objects.filter(pk=release.pk).update(backend_url=f"http://127.0.0.1:{free_port()}")
    generation = ada_visits.send("words=3", release=release)
    failed = ended(generation, seconds=5)
    assert (failed.status, failed.error_code) == (GenerationStatus.FAILED, "model_away")

    Release.objects.filter(pk=release.pk).update(backend_url=stack.upstream_url)
    assert ada_visits.post(f"/playground/generations/{generation.pk}/retry/").status_code == 302
    again = Generation.objects.get(turn=generation.turn, queued_at__gt=generation.queued_at)

    assert ended(again).text == words(3)


def test_a_prompt_beyond_the_context_is_told_by_how_much(ada_visits, release):
    generation = ada_visits.send("prompt=3000", release=release)

    failed = ended(generation)

    assert failed.error_code == "prompt_too_long"
    assert failed.error_sentence == (
        "Your prompt, with what came before it, is 3,000 tokens long, but Tiny holds 2,048 together with"
        " its answer. That is 953 too many: shorten it, or start a new conversation."
    )


def test_a_worker_killed_in_mid_stream_leaves_a_failed_answer_with_its_text(ada_visits, stack, release):
    generation = ada_visits.send("words=400 pause=0.05", release=release)
    seen = list(islice(ada_visits.events(generation), 8))

    stack.kill("worker")
    _let_the_heartbeat_age(generation)
    with ThreadPoolExecutor() as pool:
        watching = pool.submit(lambda: list(ada_visits.events(generation)))
        stack.run(SWEEP)
        told = watching.result(timeout=10)

    failed = ended(generation)
    assert (failed.status, failed.error_code) == (GenerationStatus.FAILED, "worker_lost")
    assert failed.text.startswith(text_of(seen))
    assert text_of(told) == failed.text
    assert told[-1]["data"] == {"status": "failed"}


def test_a_worker_killed_before_the_first_token_is_replaced(ada_visits, stack, release):
    generation = ada_visits.send("words=5 first=2", release=release)
    wait_for(lambda: Generation.objects.get(pk=generation.pk).status == GenerationStatus.RUNNING)

    stack.kill("worker")
    _let_the_heartbeat_age(generation)
    stack.run(SWEEP)
    stack.start_worker()

    done = ended(generation)
    assert (done.status, done.text, done.attempt) == (GenerationStatus.DONE, words(5), 2)


def test_valkey_restarted_in_mid_stream_loses_no_token(ada_visits, stack, release):
    generation = ada_visits.send("words=60 pause=0.1", release=release)
    with ThreadPoolExecutor() as pool:
        watching = pool.submit(lambda: list(ada_visits.events(generation)))
        list(islice(ada_visits.events(generation), 6))

        stack.stop_valkey()
        stack.start_valkey()
        events = watching.result(timeout=30)

    assert ended(generation).text == words(60)
    assert text_of(events) == words(60)
    assert events[-1]["data"] == {"status": "done"}


def test_valkey_away_at_the_end_still_tells_the_end(ada_visits, stack, release):
    generation = ada_visits.send("words=20 pause=0.1", release=release)
    with ThreadPoolExecutor() as pool:
        watching = pool.submit(lambda: list(ada_visits.events(generation)))
        list(islice(ada_visits.events(generation), 6))

        stack.stop_valkey()
        try:
            events = watching.result(timeout=20)
        finally:
            stack.start_valkey()

    assert ended(generation).text == words(20)
    assert events[-1]["data"] == {"status": "done"}


def test_a_message_sent_while_valkey_is_away_is_answered_later(ada_visits, stack, release):
    ada_visits.get(f"/playground/?release={release.slug}")
    stack.stop_valkey()
    try:
        generation = ada_visits.send("words=3", release=release)
    finally:
        stack.start_valkey()
    assert Generation.objects.get(pk=generation.pk).status == GenerationStatus.QUEUED

    Generation.objects.filter(pk=generation.pk).update(sent_at=timezone.now() - timedelta(minutes=1))
    stack.run(SWEEP)

    assert ended(generation).text == words(3)


def test_an_approval_revoked_while_it_waits_is_felt(ada_visits, ada, stack, release):
    stack.kill("worker")
    generation = ada_visits.send("words=3", release=release)
    Application.objects.filter(applicant=ada).update(status=ApplicationStatus.REVOKED)

    stack.start_worker()

    failed = ended(generation)
    assert (failed.status, failed.error_code) == (GenerationStatus.FAILED, "approved")
    assert "revoked" in failed.error_sentence


def test_a_message_sent_while_the_model_loads_is_answered_when_it_is_ready(ada_visits, stack, release):
    stack.kill("upstream")
    stack.run(
        "import json, time; from playground import streams;"
        "streams.client().set('portal:model', json.dumps({'state': 'downloading', 'since': time.time() - 42,"
        " 'detail': '41% of 257 MB'}))"
    )
    page = ada_visits.get(f"/playground/?release={release.slug}").text
    generation = ada_visits.send("words=3", release=release)
    wait_for(lambda: Generation.objects.get(pk=generation.pk).sent_at is None)
    stack.run(PROBE)
    assert "The model is loading: being downloaded from the portal (41% of 257 MB), 4" in page
    assert Generation.objects.get(pk=generation.pk).status == GenerationStatus.QUEUED

    stack.start_upstream()
    stack.run(PROBE)

    assert ended(generation).text == words(3)
    assert "Ready" in ada_visits.get(f"/playground/models/{release.slug}/status/").text


def _let_the_heartbeat_age(generation: Generation) -> None:
    old = timezone.now() - timedelta(minutes=1)
    Generation.objects.filter(pk=generation.pk).update(heartbeat_at=old)
