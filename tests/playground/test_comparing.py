"""Comparisons as the actions decide them: all columns or none, a kept random order, a vote that is final."""

import threading
from uuid import uuid4

import pytest
from django.db import connection

from playground import actions, readiness
from playground.actions import Column, Outcome
from playground.comparing import answers_of, board_of
from playground.models import (
    Comparison,
    Conversation,
    Generation,
    GenerationStatus,
    PreferenceVote,
    Turn,
    Verdict,
)
from portal.common.refusals import Refusal
from portal.releases.models import Revision
from portal.releases.serving import serve_revision
from tests.playground.conftest import wish

SETTINGS = {"system_prompt": "", "temperature": 0.7, "max_tokens": 100, "mode": "chat"}


def columns(*releases, **changes) -> list[Column]:
    return [Column(one, None, SETTINGS | changes) for one in releases]


def compare(ada, *releases, is_blind=False, token=None, prompt="Hello") -> Comparison:
    return actions.compare(
        columns(*releases), prompt=prompt, token=token or uuid4(), is_blind=is_blind, by=ada
    )


def end_all(comparison) -> None:
    """Every queued answer says the slug of its release."""
    for answer in Generation.objects.live().filter(turn__conversation__comparison=comparison).with_story():
        begun = actions.begin(answer.pk)
        actions.finish(begun, Outcome(text=f"from {answer.release.slug}", finish_reason="stop"))


def vote(comparison, number=0, *, winner=0, verdict=Verdict.ONE_IS_BETTER) -> PreferenceVote:
    answers = answers_of(comparison, number)
    chosen = answers[winner] if verdict == Verdict.ONE_IS_BETTER else None
    return actions.vote(comparison, round_number=number, answers=answers, verdict=verdict, winner=chosen)


def test_all_columns_are_asked_the_same(ada, release, zephyr):
    made = compare(ada, release, zephyr, prompt="Why is the sky blue?")

    board = board_of(made)
    assert [column.name for column in board.columns] == ["Tiny", "Zephyr"]
    assert [one.prompt for one in board.rounds] == ["Why is the sky blue?"]
    assert {one.status for one in Generation.objects.all()} == {GenerationStatus.QUEUED}
    assert [one.params["model"] for one in answers_of(made, 0)] == ["tiny", "zephyr"]
    assert made.title == "Why is the sky blue?"


def test_a_form_sent_twice_asks_once(ada, release, zephyr):
    token = uuid4()

    first, second = (compare(ada, release, zephyr, token=token) for _ in range(2))
    end_all(first)
    again = uuid4()
    actions.ask(first, prompt="And now?", token=again, by=ada)
    actions.ask(first, prompt="And now?", token=again, by=ada)

    assert first == second
    assert (Comparison.objects.count(), Turn.objects.count()) == (1, 4)


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_twice_at_once_asks_once(ada, release):
    token, made, both = uuid4(), [], threading.Barrier(2)

    def send() -> None:
        both.wait()
        made.append(compare(ada, release, release, token=token).pk)
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made[0] == made[1]
    assert (Conversation.objects.count(), Generation.objects.count()) == (2, 2)


def test_nothing_is_asked_when_one_column_cannot_be(ada, release, zephyr):
    made = compare(ada, release, zephyr)
    end_all(made)
    zephyr.status = "withdrawn"
    zephyr.save()

    with pytest.raises(Refusal) as refused:
        actions.ask(made, prompt="More", token=uuid4(), by=ada)

    assert refused.value.status == 403
    assert Generation.objects.live().count() == 0
    assert Turn.objects.count() == 2


def test_a_hidden_column_that_is_refused_is_not_named(ada, release, zephyr):
    made = compare(ada, release, zephyr, is_blind=True)
    end_all(made)
    zephyr.status = "withdrawn"
    zephyr.save()

    answer = next(one for one in answers_of(made, 0) if one.params["model"] == "zephyr")
    for ask in (
        lambda: actions.ask(made, prompt="More", token=uuid4(), by=ada),
        lambda: actions.ask_again(made, answer, by=ada),
    ):
        with pytest.raises(Refusal) as refused:
            ask()
        assert (refused.value.code, refused.value.remedy) == ("column_shut", "")
        assert "zephyr" not in refused.value.sentence.lower()


def test_too_many_answers_refuse_the_whole_round(ada, release):
    for _ in range(6):
        actions.send(wish(), by=ada, release=release)

    with pytest.raises(Refusal) as refused:
        compare(ada, *[release] * 3)

    assert refused.value.code == "too_many_answers"
    assert (Comparison.objects.count(), Generation.objects.count()) == (0, 6)


def test_hidden_answers_count_as_ones_own(ada, release):
    compare(ada, *[release] * 4, is_blind=True)
    compare(ada, *[release] * 4, is_blind=True)

    with pytest.raises(Refusal) as refused:
        actions.send(wish(), by=ada, release=release)

    assert refused.value.code == "too_many_answers"


def test_mallory_compares_nothing(mallory, release):
    with pytest.raises(Refusal) as refused:
        compare(mallory, release, release)

    assert refused.value.status == 403
    assert Comparison.objects.count() == 0


@pytest.mark.parametrize("count", [1, 5])
def test_two_to_four_columns(ada, release, count):
    with pytest.raises(Refusal) as refused:
        compare(ada, *[release] * count)

    assert refused.value.code == "columns"


def test_a_blind_order_is_random_and_kept(ada, release, zephyr):
    orders = set()
    for _ in range(40):
        made = compare(ada, release, zephyr, is_blind=True)
        before, after = (
            [one.params["model"] for one in answers_of(Comparison.objects.get(pk=made.pk), 0)]
            for _ in range(2)
        )
        assert before == after
        orders.add(tuple(before))
        actions.stop_all(made, by=ada)

    assert orders == {("tiny", "zephyr"), ("zephyr", "tiny")}


def test_a_vote_reveals_and_is_final(ada, release, zephyr):
    made = compare(ada, release, zephyr, is_blind=True)
    end_all(made)
    assert made.hides_names
    assert [column.name for column in board_of(made).columns] == ["", ""]

    kept = vote(made, winner=1)

    made.refresh_from_db()
    assert not made.hides_names
    assert {column.name for column in board_of(made).columns} == {"Tiny", "Zephyr"}
    assert (kept.was_blind, kept.generations.count()) == (True, 2)
    assert kept.winner == answers_of(made, 0)[1]
    with pytest.raises(Refusal) as refused:
        vote(made, winner=0)
    assert refused.value.code == "voted_already"


def test_votes_after_the_reveal_are_not_blind(ada, release, zephyr):
    made = compare(ada, release, zephyr, is_blind=True)
    end_all(made)
    vote(made, verdict=Verdict.TIE)
    actions.ask(made, prompt="More", token=uuid4(), by=ada)
    end_all(made)

    vote(made, 1, verdict=Verdict.ALL_BAD)

    assert list(PreferenceVote.objects.values_list("round", "verdict", "was_blind")) == [
        (0, "tie", True),
        (1, "bad", False),
    ]


def test_nobody_votes_before_the_end(ada, release, zephyr):
    made = compare(ada, release, zephyr)

    with pytest.raises(Refusal) as refused:
        vote(made, verdict=Verdict.TIE)

    assert refused.value.code == "answer_not_ended"


def test_the_winner_is_an_answer_of_the_round(ada, release, zephyr):
    made, another = compare(ada, release, zephyr), compare(ada, release, zephyr)
    end_all(made)
    end_all(another)
    foreign = answers_of(another, 0)[0]

    for winner in (foreign, None):
        with pytest.raises(Refusal) as refused:
            actions.vote(
                made,
                round_number=0,
                answers=answers_of(made, 0),
                verdict=Verdict.ONE_IS_BETTER,
                winner=winner,
            )
        assert refused.value.code == "no_such_answer"


def test_a_hidden_column_is_behind_no_other_door(ada, release, zephyr):
    made = compare(ada, release, zephyr, is_blind=True)
    end_all(made)

    assert Conversation.objects.visible_to(ada).count() == 0
    assert Generation.objects.visible_to(ada).count() == 0
    vote(made, verdict=Verdict.TIE)
    assert Conversation.objects.visible_to(ada).count() == 2
    assert Generation.objects.visible_to(ada).count() == 2
    assert Conversation.objects.visible_to(ada).talks().count() == 0


def test_stopping_stops_all(ada, release, zephyr):
    made = compare(ada, release, zephyr)

    actions.stop_all(made, by=ada)

    assert set(Generation.objects.values_list("status", flat=True)) == {GenerationStatus.CANCELLED}


def test_deleting_deletes_all_of_it(ada, release, zephyr):
    made = compare(ada, release, zephyr)
    end_all(made)
    vote(made, verdict=Verdict.TIE)

    actions.delete_comparison(made, by=ada)

    counts = [model.objects.count() for model in (Comparison, Conversation, Generation, PreferenceVote)]
    assert counts == [0, 0, 0, 0]


def test_a_revision_is_asked_where_it_is_served(ada, release):
    revision = Revision.objects.create(
        release=release, name="next", commit="a" * 40, total_bytes=1, is_current=False
    )
    serve_revision(revision, backend_url="http://127.0.0.1:9/", served_model_name="tiny-next", by=None)
    revision.refresh_from_db()

    made = actions.compare(
        [Column(release, None, SETTINGS), Column(release, revision, SETTINGS)],
        prompt="Hello",
        token=uuid4(),
        is_blind=False,
        by=ada,
    )

    usual, new = answers_of(made, 0)
    assert (usual.params["model"], usual.params["revision"]) == ("tiny", "")
    assert (new.params["model"], new.params["revision"]) == ("tiny-next", "a" * 40)
    assert readiness.backend_of(release, new.revision).base_url == "http://127.0.0.1:9"
    assert readiness.backend_of(release, usual.revision) == readiness.backend_of(release)
    assert board_of(made).columns[1].name == "Tiny, next aaaaaaa"


@pytest.mark.parametrize(("column_count", "round_count"), [(2, 1), (4, 3)])
def test_a_board_takes_four_queries(ada, release, django_assert_num_queries, column_count, round_count):
    made = compare(ada, *[release] * column_count)
    end_all(made)
    for _ in range(round_count - 1):
        actions.ask(made, prompt="More", token=uuid4(), by=ada)
        end_all(made)

    with django_assert_num_queries(4):
        board = board_of(made)
        releases = [cell.answer.release for one in board.rounds for cell in one.cells]

    assert len(releases) == column_count * round_count
