"""Answers on their way: view, Celery worker, model server, Valkey, server-sent events, all of them live."""

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest
import requests
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection

from playground.models import GenerationStatus
from tests.playground.stack import Visitor, ended, text_of, wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(90)]


def words(count: int) -> str:
    return "".join(f"w{number} " for number in range(count))


def test_ada_sends_and_the_answer_comes_in_pieces(ada_visits, release):
    generation = ada_visits.send("words=20 pause=0.05", release=release)

    events = list(ada_visits.events(generation))

    assert len([event for event in events if event["event"] == "token"]) > 5
    assert events[-1]["event"] == "end"
    assert events[-1]["data"] == {"status": "done"}
    assert text_of(events) == words(20)
    done = ended(generation)
    assert done.status == GenerationStatus.DONE
    assert done.text == words(20)
    assert (done.prompt_tokens, done.completion_tokens, done.finish_reason) == (2, 20, "stop")
    assert 0 <= done.first_token_seconds < 1
    assert 5 < done.tokens_per_second < 25


def test_ada_resumes_and_no_token_is_lost_or_repeated(ada_visits, release):
    generation = ada_visits.send("words=30 pause=0.05", release=release)

    seen = list(islice(ada_visits.events(generation), 6))
    rest = list(ada_visits.events(generation, last_id=seen[-1]["id"]))

    assert 0 < len(text_of(seen)) < len(words(30))
    assert text_of(seen + rest) == words(30)
    assert "snapshot" not in {event["event"] for event in rest}


def test_ada_reloads_and_the_page_goes_on_where_it_was(ada_visits, release):
    generation = ada_visits.send("words=30 pause=0.05", release=release)
    list(islice(ada_visits.events(generation), 6))

    page = ada_visits.get(f"/playground/{generation.turn.conversation_id}/").text

    after = page.partition('data-after="')[2].partition('"')[0]
    shown = page.partition("data-text>")[2].partition("</div>")[0]
    rest = list(ada_visits.events(generation, last_id=after))
    assert shown.startswith("w0 w1 ")
    assert shown + text_of(rest) == words(30)


def test_two_tabs_follow_one_answer_and_a_third_comes_late(ada_visits, ada, stack, release):
    generation = ada_visits.send("words=30 pause=0.05", release=release)
    visitors = [Visitor(stack, ada) for _ in range(3)]

    with ThreadPoolExecutor() as pool:
        told = [pool.submit(lambda one=one: list(one.events(generation))) for one in visitors[:2]]
        list(islice(visitors[2].events(generation), 10))
        told.append(pool.submit(lambda: list(visitors[2].events(generation))))
        texts = [text_of(one.result()) for one in told]

    assert texts == [words(30)] * 3


def test_ada_stops_an_answer_and_the_model_server_feels_it(ada_visits, stack, release):
    before = stack.upstream_state()["aborted"]
    generation = ada_visits.send("words=500 pause=0.05", release=release)
    list(islice(ada_visits.events(generation), 5))

    answer = ada_visits.post(f"/playground/generations/{generation.pk}/cancel/")

    assert answer.status_code == 302
    wait_for(lambda: stack.upstream_state()["aborted"] == before + 1, seconds=1)
    assert stack.upstream_state()["running"] == 0
    stopped = ended(generation, seconds=2)
    assert stopped.status == GenerationStatus.CANCELLED
    assert stopped.text.startswith("w0 w1 ")
    assert stopped.completion_tokens == len(stopped.text.split())
    assert list(ada_visits.events(generation))[-1]["data"] == {"status": "cancelled"}


def test_a_longer_answer_than_the_context_leaves_is_shortened(ada_visits, release):
    generation = ada_visits.send("words=60 prompt=2000", release=release, max_tokens=500)

    done = ended(generation)

    assert (done.status, done.finish_reason, done.text) == (GenerationStatus.DONE, "length", words(48))


def test_mallory_and_strangers_cannot_follow_adas_answer(ada_visits, stack, mallory, release):
    generation = ada_visits.send("words=3", release=release)
    path = f"/playground/generations/{generation.pk}/stream/"

    assert Visitor(stack, mallory).get(path).status_code == 404
    assert requests.get(f"{ada_visits.base_url}{path}", timeout=5).status_code == 401


def test_the_page_comes_with_a_ticket_for_which_nobody_is_looked_up(ada_visits, stack, mallory, release):
    generation = ada_visits.send("words=30 pause=0.05", release=release)
    page = ada_visits.get(f"/playground/{generation.turn.conversation_id}/").text
    ticket = page.partition('data-ticket="')[2].partition('"')[0]
    first = list(islice(ada_visits.events(generation, ticket=ticket), 5))
    Session.objects.filter(pk=ada_visits.session.cookies[settings.SESSION_COOKIE_NAME]).delete()

    rest = list(ada_visits.events(generation, ticket=ticket, last_id=first[-1]["id"]))

    assert text_of([*first, *rest]) == words(30)
    assert rest[-1]["data"] == {"status": "done"}
    path = f"/playground/generations/{generation.pk}/stream/"
    assert ada_visits.get(path).status_code == 401
    assert Visitor(stack, mallory).get(f"{path}?ticket={ticket}").status_code == 404


def test_followers_hold_no_database_connection(ada_visits, ada, stack, release):
    generation = ada_visits.send("words=60 pause=0.05", release=release)
    visitors = [Visitor(stack, ada) for _ in range(12)]

    with ThreadPoolExecutor(12) as pool:
        told = [pool.submit(lambda one=one: list(one.events(generation))) for one in visitors]
        wait_for(lambda: len(text_of(list(islice(ada_visits.events(generation), 12)))) > 20)
        busy = _busy_connections()
        texts = {text_of(one.result()) for one in told}

    assert busy == 0
    assert texts == {words(60)}


def test_answers_leave_with_the_headers_that_proxies_need(ada_visits, release):
    generation = ada_visits.send("words=3", release=release)

    with ada_visits.get(f"/playground/generations/{generation.pk}/stream/", stream=True) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-cache, no-transform"
        assert answer.headers["X-Accel-Buffering"] == "no"


def test_the_model_is_told_the_talk_so_far(ada_visits, ada, stack, release):
    first = ended(ada_visits.send("words=2", release=release))
    second = {
        "token": "7a1e2f1c-0d3f-4a57-9a1e-0b4c8f6f2a11",
        "conversation": str(first.turn.conversation_id),
        "prompt": "words=1",
        "system_prompt": "Be brief.",
        "temperature": "0.5",
        "max_tokens": "7",
    }

    assert ada_visits.post("/playground/send/", second).status_code == 302
    wait_for(lambda: stack.upstream_state()["bodies"][-1]["messages"][-1]["content"] == "words=1")

    body = stack.upstream_state()["bodies"][-1]
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "words=2"},
        {"role": "assistant", "content": "w0 w1 "},
        {"role": "user", "content": "words=1"},
    ]
    assert (body["model"], body["temperature"], body["max_tokens"]) == (release.slug, 0.5, 7)


def _busy_connections() -> int:
    """Connections in a transaction or a query, this one left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        return int(cursor.fetchone()[0])
