"""Conversations renamed, pinned and deleted; those that are not kept, and those whose time is over."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from playground import actions, retention, streams
from playground.actions import Column, Outcome
from playground.comparing import answers_of
from playground.models import Comparison, Conversation, Generation, PreferenceVote, Turn, Verdict
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests.playground.conftest import wish

SECRET = "A secret plan for tea"


def talk_of(ada, release, **more) -> Conversation:
    asked = actions.send(wish(SECRET, **more), by=ada, release=release)
    actions.finish(actions.begin(asked.pk), Outcome(text=SECRET, finish_reason="stop"))
    return asked.turn.conversation


def age(conversation: Conversation, **by: float) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(updated_at=timezone.now() - timedelta(**by))


def test_deleting_leaves_nothing_but_that_it_was(ada, release, django_capture_on_commit_callbacks):
    conversation = talk_of(ada, release)
    answer = Generation.objects.get()
    streams.client().xadd(streams.key_of(answer.pk), streams.entry(streams.TOKEN, SECRET))

    with django_capture_on_commit_callbacks(execute=True):
        actions.delete(conversation, by=ada)

    assert (Conversation.objects.count(), Turn.objects.count(), Generation.objects.count()) == (0, 0, 0)
    assert streams.client().exists(streams.key_of(answer.pk)) == 0
    entry = Entry.objects.get(verb=Verb.CONVERSATION_DELETED)
    assert entry.data == {"release": release.slug, "answers": 1}
    assert not [one for one in Entry.objects.all() if "secret" in str(one.__dict__).lower()]


def test_deleting_stops_what_is_written_and_its_worker_writes_nothing_any_more(ada, asked):
    running = actions.begin(asked.pk)

    actions.delete(asked.turn.conversation, by=ada)

    assert actions.stop(running, Outcome(text="late")) is False
    assert actions.requeue(running) is False


def test_what_is_not_kept_goes_when_it_was_left_alone(ada, release):
    unkept = talk_of(ada, release, is_unkept=True)
    kept = talk_of(ada, release)
    for one in (unkept, kept):
        age(one, minutes=31)

    assert retention.sweep() == 1

    assert list(Conversation.objects.all()) == [kept]


def test_what_is_not_kept_stays_while_it_is_used_or_written(ada, release):
    used = talk_of(ada, release, is_unkept=True)
    age(used, minutes=29)
    written = actions.send(wish(is_unkept=True), by=ada, release=release).turn.conversation
    age(written, minutes=50)

    assert retention.sweep() == 0


def test_the_title_of_what_is_not_kept_tells_nothing(ada, release):
    assert talk_of(ada, release, is_unkept=True).title == "Not kept"


def test_signing_out_ends_what_is_not_kept(ada, mallory, release):
    talk_of(ada, release, is_unkept=True)
    kept = talk_of(ada, release)

    retention.end_unkept(mallory)
    assert Conversation.objects.count() == 2
    retention.end_unkept(ada)

    assert list(Conversation.objects.all()) == [kept]


def test_what_rested_for_longer_than_ada_wants_goes_but_not_what_she_pinned(ada, release):
    old, pinned, young = (talk_of(ada, release) for _ in range(3))
    for one in (old, pinned):
        age(one, days=31)
    age(young, days=29)
    actions.pin(pinned, is_pinned=True)

    assert retention.sweep() == 0
    actions.prefer(ada, retention_days=30)
    assert retention.sweep() == 1

    assert set(Conversation.objects.all()) == {pinned, young}


def test_the_pinned_stand_first_and_an_empty_title_changes_nothing(ada, release):
    first, second = talk_of(ada, release), talk_of(ada, release)
    actions.pin(first, is_pinned=True)
    actions.rename(second, title="  Tea  ")
    actions.rename(first, title="   ")

    talks = Conversation.objects.visible_to(ada).talks()

    assert [(one.pk, one.title) for one in talks] == [(first.pk, SECRET), (second.pk, "Tea")]


@pytest.mark.parametrize("pinned", [True, False])
def test_pinning_is_taken_back(ada, release, pinned):
    conversation = talk_of(ada, release)
    actions.pin(conversation, is_pinned=True)
    actions.pin(conversation, is_pinned=pinned)

    assert (Conversation.objects.get().pinned_at is not None) is pinned


def comparison_of(ada, release, *, is_unkept=True, by=timedelta(0)) -> Comparison:
    columns = [Column(release, None, {"max_tokens": 9})] * 2
    asked = {"prompt": SECRET, "token": uuid4(), "is_blind": False, "by": ada}
    made = actions.compare(columns, is_unkept=is_unkept, **asked)
    for answer in Generation.objects.live():
        actions.finish(actions.begin(answer.pk), Outcome(text=SECRET, finish_reason="stop"))
    made.columns.update(updated_at=timezone.now() - by)
    Comparison.objects.filter(pk=made.pk).update(updated_at=timezone.now() - by)
    return made


def test_a_comparison_that_is_not_kept_goes_as_a_whole_when_it_was_left_alone(ada, release):
    gone = comparison_of(ada, release, by=timedelta(minutes=31))
    used = comparison_of(ada, release, by=timedelta(minutes=29))
    kept = comparison_of(ada, release, is_unkept=False, by=timedelta(minutes=31))
    answers = answers_of(gone, 0)
    actions.vote(gone, round_number=0, answers=answers, verdict=Verdict.ONE_IS_BETTER, winner=answers[0])

    assert retention.sweep() == 1

    assert set(Comparison.objects.all()) == {used, kept}
    assert (Conversation.objects.count(), Generation.objects.count()) == (4, 4)
    assert PreferenceVote.objects.count() == 0
    assert not [one for one in Entry.objects.all() if "secret" in str(one.__dict__).lower()]


def test_a_comparison_that_is_not_kept_stays_while_it_is_written(ada, release):
    made = comparison_of(ada, release)
    actions.ask(made, prompt="More?", token=uuid4(), by=ada)

    assert retention.sweep(at=timezone.now() + timedelta(minutes=31)) == 0


def test_signing_out_ends_the_comparisons_that_are_not_kept(ada, mallory, release):
    comparison_of(ada, release)
    kept = comparison_of(ada, release, is_unkept=False)

    retention.end_unkept(mallory)
    assert Comparison.objects.count() == 2
    retention.end_unkept(ada)

    assert list(Comparison.objects.all()) == [kept]
    assert Conversation.objects.count() == 2
