"""The life of a generation, walked at random: no way leads out of the table, and none out of an end."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from playground import actions
from playground.actions import Outcome
from playground.models import ENDED, MOVES, Generation, GenerationStatus
from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests import cast
from tests.playground.conftest import wish

ENDS = st.sampled_from([actions.finish, actions.stop, actions.fail])


class Life(RuleBasedStateMachine):
    """Everything that people, workers and the sweeper may do, in any order."""

    def __init__(self) -> None:
        super().__init__()
        release = cast.release(f"walk-{Generation.objects.count()}-{id(self)}")
        self.ada = cast.developer(f"ada-{id(self)}-{Generation.objects.count()}@example.org", release)
        self.generation = actions.send(wish(), by=self.ada, release=release)
        self.claims: list[Generation] = []
        self.status = self.generation.status

    @rule()
    def begin(self) -> None:
        if claim := actions.begin(self.generation.pk):
            self.claims.append(claim)

    @rule()
    def cancel(self) -> None:
        actions.cancel(self.generation, by=self.ada)

    @precondition(lambda self: self.claims)
    @rule(end=ENDS, data=st.data())
    def end(self, end, data) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        is_newest = claim is self.claims[-1]
        was = Generation.objects.get(pk=self.generation.pk).status
        assert end(claim, Outcome(text="x")) is (is_newest and was == GenerationStatus.RUNNING)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def lose_the_worker(self, data) -> None:
        actions.requeue(data.draw(st.sampled_from(self.claims)))

    @rule()
    def retry(self) -> None:
        self.generation.refresh_from_db()
        try:
            newest = actions.retry(self.generation, by=self.ada)
        except Refusal:
            return
        self.generation, self.claims, self.status = newest, [], GenerationStatus.QUEUED

    @invariant()
    def each_step_is_in_the_table_and_each_end_recorded_once(self) -> None:
        now = Generation.objects.get(pk=self.generation.pk)
        recorded = Entry.objects.filter(verb=Verb.GENERATION_ENDED, subject_id=str(now.pk)).count()
        assert now.status in {self.status} | MOVES.get(self.status, frozenset())
        assert (now.ended_at is not None) == (now.status in ENDED)
        assert recorded == (now.status in ENDED)
        self.status = now.status


@pytest.mark.django_db
def test_a_generation_walks_only_along_its_table():
    quick = settings(
        max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Life, settings=quick)


def test_the_table_is_the_contract():
    s = GenerationStatus
    assert {state: set(to) for state, to in MOVES.items()} == {
        s.QUEUED: {s.RUNNING, s.CANCELLED, s.FAILED},
        s.RUNNING: {s.QUEUED, s.DONE, s.CANCELLED, s.FAILED},
    }


@pytest.mark.parametrize("end", [actions.finish, actions.stop, actions.fail])
def test_a_worker_taken_for_dead_cannot_end_what_was_queued_again(ada, release, end):
    generation = actions.send(wish(), by=ada, release=release)
    claim = actions.begin(generation.pk)
    actions.requeue(claim)

    assert end(claim, Outcome(text="too late")) is False
    assert Generation.objects.get().status == GenerationStatus.QUEUED
