"""The line before a model server: fair between people, bounded, and everybody's place in it."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from playground import actions, queueing
from playground.actions import Outcome
from playground.models import Generation, GenerationStatus
from playground.queueing import Waiting, line
from tests import cast
from tests.playground.conftest import wish
from tests.playground.stack import Visitor, ended, wait_for
from tests.playground.test_streaming import words

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def ask(user, release, count: int) -> list[Generation]:
    """So many messages of one person, each in a conversation of its own."""
    return [actions.send(wish(f"words=3 {number}"), by=user, release=release) for number in range(count)]


def waiting(*people: int) -> list[Waiting]:
    """One who waits for each number, in this order."""
    return [
        Waiting(UUID(int=number), person, EPOCH + timedelta(seconds=number))
        for number, person in enumerate(people)
    ]


def order(given, **known) -> list[int]:
    people = {one.pk: one.user_id for one in given}
    return [people[pk] for pk in line(given, **({"running": {}, "last_turn": {}} | known))]


def test_the_second_of_one_comes_behind_the_first_of_everybody():
    assert order(waiting(1, 1, 1, 1, 2, 3)) == [1, 2, 3, 1, 1, 1]


def test_who_has_answers_being_written_waits_for_who_has_none():
    assert order(waiting(1, 1, 2), running={1: 2}) == [2, 1, 1]


def test_who_just_had_a_turn_comes_behind_who_did_not():
    assert order(waiting(1, 1, 2, 2), last_turn={1: EPOCH}) == [2, 1, 2, 1]


@given(st.lists(st.integers(1, 5), max_size=40), st.dictionaries(st.integers(1, 5), st.integers(0, 5)))
def test_nobody_is_lost_and_a_hundred_of_one_delay_anothers_first_by_one_round(people, running):
    given = waiting(*people)

    found = order(given, running=running)

    assert Counter(found) == Counter(people)
    for person in set(people):
        before = Counter(found[: found.index(person)])
        # Nobody has had more turns by then than this person has answers running, and one.
        assert all(
            running.get(other, 0) + turns <= running.get(person, 0) + 1 for other, turns in before.items()
        )


def test_turns_alternate_even_when_only_one_may_run(ada, release, settings):
    settings.PLAYGROUND_RUNNING_MAX = 1
    grace = cast.developer("grace@example.org", release)
    ask(ada, release, 3)
    ask(grace, release, 2)
    turns = []

    while row := actions.begin_next(release.backend_url):
        assert actions.begin_next(release.backend_url) is None
        turns.append(row.turn.conversation.user)
        actions.finish(row, Outcome(text="x"))

    assert turns == [ada, grace, ada, grace, ada]


def test_places_are_those_of_the_line(ada, release):
    grace = cast.developer("grace@example.org", release)
    mine, hers = ask(ada, release, 3), ask(grace, release, 1)

    places = queueing.places([one.pk for one in [*mine, *hers]])

    assert [places[one.pk] for one in mine] == [1, 3, 4]
    assert places[hers[0].pk] == 2
    actions.begin(mine[0].pk)
    assert mine[0].pk not in queueing.places([mine[0].pk])


@pytest.mark.django_db(transaction=True)
def test_workers_that_ask_at_once_take_each_one_once_and_never_too_many(ada, release, settings):
    settings.PLAYGROUND_RUNNING_MAX = 5
    queued = ask(ada, release, 8)
    start, taken = threading.Barrier(12), []

    def work() -> None:
        start.wait()
        if row := actions.begin_next(release.backend_url):
            taken.append(row.pk)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == len(set(taken)) == 5
    assert set(taken) == {one.pk for one in queued[:5]}
    assert Generation.objects.filter(status=GenerationStatus.RUNNING).count() == 5


def test_choosing_asks_as_often_for_many_as_for_few(ada, release, django_assert_num_queries):
    grace = cast.developer("grace@example.org", release)
    ask(ada, release, 1)
    ask(grace, release, 1)
    with django_assert_num_queries(2):
        queueing.next_in_line(release.backend_url)
    ask(ada, release, 5)
    ask(grace, release, 5)
    with django_assert_num_queries(2):
        queueing.next_in_line(release.backend_url)


def test_a_person_without_access_any_more_does_not_hold_up_the_line(ada, release):
    outsider = cast.person("gone@example.org")
    mine = ask(ada, release, 1)[0]
    Generation.objects.filter(pk=mine.pk).update(queued_at=EPOCH)
    turn = mine.turn
    turn.conversation.user = outsider
    turn.conversation.save()
    theirs = ask(ada, release, 1)[0]

    assert actions.begin_next(release.backend_url).pk == theirs.pk
    mine.refresh_from_db()
    assert mine.status == GenerationStatus.FAILED


@pytest.mark.live
@pytest.mark.timeout(120)
class TestLive:
    """Through the live worker, which has room for a few answers only."""

    @pytest.fixture
    def narrow(self, stack, monkeypatch):
        """A worker that lets two answers run at a time."""
        stack.kill("worker")
        monkeypatch.setitem(stack.env, "PLAYGROUND_RUNNING_MAX", "2")
        stack.start_worker()
        yield stack
        stack.kill("worker")
        monkeypatch.undo()
        stack.start_worker()

    def test_grace_does_not_wait_for_all_of_adas(self, narrow, ada, release, ada_visits):
        grace = cast.developer("grace@example.org", release)
        mine = [ada_visits.send("words=80 pause=0.05", release=release) for _ in range(6)]

        hers = ended(Visitor(narrow, grace).send("words=10 pause=0.05", release=release))

        assert hers.text == words(10)
        begun_later = [ended(one).pk for one in mine if ended(one).started_at > hers.started_at]
        # Without fairness hers would be the last to begin, as it was the last to be sent.
        assert len(begun_later) >= 2
        assert all(ended(one).status == GenerationStatus.DONE for one in mine)
        assert narrow.upstream_state()["running"] == 0

    def test_the_place_is_told_and_one_can_leave_the_line(self, narrow, release, ada_visits):
        running = [ada_visits.send("words=60 pause=0.1", release=release) for _ in range(2)]
        wait_for(lambda: narrow.upstream_state()["running"] == 2)
        first, second = (ada_visits.send("words=2", release=release) for _ in range(2))

        events = (event for event in ada_visits.events(second) if event["event"] == "place")
        assert next(events)["data"] == {"place": "2"}
        ada_visits.post(f"/playground/generations/{first.pk}/cancel/")
        assert next(events)["data"] == {"place": "1"}

        for one in running:
            ada_visits.post(f"/playground/generations/{one.pk}/cancel/")
        assert ended(second).text == words(2)
        assert ended(first).status == GenerationStatus.CANCELLED


def test_an_id_that_nobody_knows_has_no_place(db):
    assert queueing.places([uuid4()]) == {}
