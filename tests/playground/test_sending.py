"""Sending, stopping and retrying, as the actions decide it."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from playground import actions
from playground.actions import Outcome
from playground.models import Conversation, Generation, GenerationStatus, Turn
from playground.threads import messages_for
from portal.admissions.models import Application
from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests.playground.conftest import wish


def test_ada_sends_and_everything_is_written_down_but_her_words(ada, release):
    generation = actions.send(wish("A secret plan\nfor tea"), by=ada, release=release, address="192.0.2.1")

    assert generation.status == GenerationStatus.QUEUED
    assert generation.params == {
        "model": release.served_model_name,
        "revision": "",
        "system_prompt": "",
        "temperature": 0.7,
        "max_tokens": 100,
        "seed": generation.params["seed"],
        "seed_is_drawn": True,
    }
    assert generation.turn.conversation.title == "A secret plan"
    entry = Entry.objects.get(verb=Verb.GENERATION_REQUESTED)
    assert (entry.actor_id, entry.address, entry.subject_id) == (ada.pk, "192.0.2.1", str(generation.pk))
    assert entry.data["prompt_characters"] == len("A secret plan\nfor tea")
    assert "secret" not in str(entry.__dict__)


def test_one_form_sent_twice_makes_one_generation(ada, release):
    once = wish()

    first = actions.send(once, by=ada, release=release)
    second = actions.send(once, by=ada, release=release)

    assert first.pk == second.pk
    assert (Generation.objects.count(), Conversation.objects.count()) == (1, 1)


def test_two_people_with_the_same_token_say_two_things(ada, release, mallory):
    token = uuid4()
    mine = actions.send(wish(token=token), by=ada, release=release)

    with pytest.raises(Refusal) as refused:
        actions.send(wish(token=token), by=mallory, release=release)

    assert refused.value.status == 403
    assert Turn.objects.get() == mine.turn


@pytest.mark.django_db(transaction=True)
def test_one_form_sent_twice_at_once_makes_one_generation(ada, release):
    once, made = wish(), []
    both = threading.Barrier(2)

    def send() -> None:
        both.wait()
        made.append(actions.send(once, by=ada, release=release).pk)
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made[0] == made[1]
    assert (Generation.objects.count(), Conversation.objects.count()) == (1, 1)


def test_nobody_talks_over_an_answer(ada, release, asked):
    with pytest.raises(Refusal, match="still answering") as refused:
        actions.send(wish(), by=ada, release=release, conversation=asked.turn.conversation)

    assert refused.value.code == "answer_not_ended"


def test_nobody_takes_all_the_workers(ada, release):
    for _ in range(actions.MAXIMUM_LIVE_A_PERSON):
        actions.send(wish(), by=ada, release=release)

    with pytest.raises(Refusal) as refused:
        actions.send(wish(), by=ada, release=release)

    assert (refused.value.code, refused.value.status) == ("too_many_answers", 429)


def test_mallory_cannot_send(mallory, release):
    with pytest.raises(Refusal) as refused:
        actions.send(wish(), by=mallory, release=release)

    assert refused.value.status == 403
    assert Conversation.objects.count() == 0


def test_a_worker_takes_a_generation_once(asked):
    first, second = actions.begin(asked.pk), actions.begin(asked.pk)

    assert (first.status, first.attempt, second) == (GenerationStatus.RUNNING, 1, None)


def test_a_worker_asks_the_gates_again(ada, asked):
    Application.objects.filter(applicant=ada).delete()
    Generation.objects.filter(pk=asked.pk).update(queued_at=timezone.now() - timedelta(seconds=2))

    assert actions.begin(asked.pk) is None

    asked.refresh_from_db()
    assert (asked.status, asked.error_code) == (GenerationStatus.FAILED, "approved")


def test_a_queued_answer_is_stopped_at_once_and_twice_is_once(ada, asked):
    actions.cancel(asked, by=ada)
    stopped = actions.cancel(asked, by=ada)

    assert stopped.status == GenerationStatus.CANCELLED
    assert Entry.objects.get(verb=Verb.GENERATION_ENDED).data["status"] == "cancelled"
    assert actions.begin(asked.pk) is None


def test_a_running_answer_is_asked_to_stop_and_keeps_its_text(ada, asked):
    running = actions.begin(asked.pk)

    asked_to_stop = actions.cancel(running, by=ada)
    assert asked_to_stop.status == GenerationStatus.RUNNING
    assert asked_to_stop.cancel_requested_at is not None

    assert actions.stop(running, Outcome(text="half", finish_reason="stopped")) is True
    asked.refresh_from_db()
    assert (asked.status, asked.text) == (GenerationStatus.CANCELLED, "half")


def test_a_worker_that_was_given_up_writes_nothing_any_more(asked):
    lost = actions.begin(asked.pk)
    assert actions.requeue(lost) is True
    again = actions.begin(asked.pk)

    assert actions.finish(lost, Outcome(text="from the dead")) is False
    assert actions.requeue(lost) is False
    assert actions.finish(again, Outcome(text="fresh")) is True

    asked.refresh_from_db()
    assert (asked.text, asked.attempt) == ("fresh", 2)


def test_a_failed_answer_is_asked_for_again_once(ada, asked):
    actions.fail(
        actions.begin(asked.pk), Outcome(text="half", error_code="model_lost", error_sentence="Lost.")
    )
    asked.refresh_from_db()

    again = actions.retry(asked, by=ada)
    pressed_twice = actions.retry(asked, by=ada)

    assert again.pk == pressed_twice.pk != asked.pk
    assert (again.turn_id, again.params, again.status) == (
        asked.turn_id,
        asked.params,
        GenerationStatus.QUEUED,
    )


def test_what_has_not_failed_is_not_retried(ada, asked):
    actions.finish(actions.begin(asked.pk), Outcome(text="all"))
    asked.refresh_from_db()

    with pytest.raises(Refusal, match="nothing to retry"):
        actions.retry(asked, by=ada)


def test_what_the_talk_has_left_behind_is_not_retried(ada, release, asked):
    actions.fail(actions.begin(asked.pk), Outcome(error_code="model_lost"))
    asked.refresh_from_db()
    actions.send(wish("Next"), by=ada, release=release, conversation=asked.turn.conversation)

    with pytest.raises(Refusal) as refused:
        actions.retry(asked, by=ada)

    assert refused.value.code == "conversation_went_on"


def test_the_model_is_told_what_led_here_without_empty_answers(ada, release, asked):
    talk = asked.turn.conversation
    actions.finish(actions.begin(asked.pk), Outcome(text="Hi"))
    empty = actions.send(wish("Anybody?"), by=ada, release=release, conversation=talk)
    actions.fail(actions.begin(empty.pk), Outcome(error_code="model_away"))

    last = actions.send(wish("Bye", system_prompt="Be kind."), by=ada, release=release, conversation=talk)

    assert messages_for(last) == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "Bye"},
    ]
