"""Registrations walked at random: never more seated than seats, nobody waiting beside a free one."""

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

from portal.common.refusals import Refusal
from portal.events import actions
from portal.events.models import REGISTRATION_MOVES, Event, Registration
from portal.ledger.models import Entry
from tests import cast

WHO = st.integers(0, 4)


class Evening(RuleBasedStateMachine):
    """Five guests and an organiser, in any order."""

    def __init__(self) -> None:
        super().__init__()
        mark = f"{Event.objects.count()}-{id(self)}"
        self.event = cast.event(f"evening-{mark}", capacity=2)
        self.olga = cast.person(f"olga-{mark}@example.org")
        self.guests = [cast.person(f"guest{index}-{mark}@example.org") for index in range(5)]
        self.known: dict[int, str] = {}

    def live(self, who: int) -> Registration | None:
        return self.event.registrations.live().filter(user=self.guests[who]).first()

    @rule(who=WHO)
    def register(self, who) -> None:
        actions.register(self.event, by=self.guests[who])

    @rule(who=WHO)
    def cancel(self, who) -> None:
        if mine := self.live(who):
            was_there = mine.status == "checked_in"
            try:
                actions.cancel_registration(mine, by=self.guests[who])
            except Refusal:
                assert was_there

    @rule(who=WHO)
    def check_in(self, who) -> None:
        if mine := self.live(who):
            was_waiting = mine.is_waiting
            try:
                actions.check_in(mine, by=self.olga)
            except Refusal:
                assert was_waiting

    @precondition(lambda self: Event.objects.get(pk=self.event.pk).capacity < 4)
    @rule()
    def add_a_seat(self) -> None:
        capacity = Event.objects.get(pk=self.event.pk).capacity + 1
        actions.change_event(self.event, by=self.olga, prototypes=[], capacity=capacity)

    @invariant()
    def the_house_is_never_overfull_and_no_seat_stays_free(self) -> None:
        event = Event.objects.get(pk=self.event.pk)
        seated = event.registrations.seated().count()
        assert seated <= event.capacity
        assert seated == event.capacity or not event.registrations.waiting().exists()

    @invariant()
    def each_step_is_in_the_table_and_in_the_ledger(self) -> None:
        for row in self.event.registrations.all():
            before = self.known.get(row.pk, row.status)
            assert row.status == before or row.status in REGISTRATION_MOVES[before]
            assert Entry.objects.about(row).exists()
            self.known[row.pk] = row.status


@pytest.mark.django_db
def test_registrations_walk_only_along_their_table():
    quick = settings(
        max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Evening, settings=quick)
