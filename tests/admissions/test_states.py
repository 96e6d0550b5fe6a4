"""The state machine, walked by Hypothesis against the real database."""

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from portal.accounts.models import User
from portal.admissions import actions
from portal.admissions.models import APPLICATION_MOVES, Application, ApplicationStatus
from portal.admissions.programmes import starter
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.actions import first_break
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS

# What is refused although the table has an arrow.
SECOND_APPEALS = {"appealed_before", "own_decision"}
MOVES = {str(left): {str(to) for to in onward} for left, onward in APPLICATION_MOVES.items()}


class ApplicationWalk(RuleBasedStateMachine):
    """Everybody tries every verb in any order; the model is the list of states that were seen."""

    ann: User
    rosa: User
    rolf: User

    def __init__(self):
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.application = actions.start(starter.early_access(by=None), by=self.ann)
        self.path = ["draft"]

    def teardown(self):
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    def attempt(self, verb, **arguments):
        """Try it; a legal verb goes one arrow, or two by way of the review, and an illegal one nowhere."""
        before = Application.objects.get(pk=self.application.pk).status
        try:
            with transaction.atomic():
                after = verb(self.application, **arguments).status
        except Refusal as refused:
            if not isinstance(refused, IllegalMove) and refused.code not in SECOND_APPEALS:
                raise
            assert Application.objects.get(pk=self.application.pk).status == before
            return
        # A reviewer never takes the arrow of an appeal, not even on the way to another state.
        assert before != "declined" or verb is actions.appeal
        if after not in MOVES[before]:
            assert "in_review" in MOVES[before]
            self.path.append("in_review")
        self.path.append(after)

    @rule()
    def submit(self):
        self.attempt(actions.submit, answers=ANSWERS, by=self.ann)

    @rule()
    def withdraw(self):
        self.attempt(actions.withdraw, by=self.ann)

    @rule()
    def give_information(self):
        self.attempt(actions.give_information, by=self.ann, message="These.")

    @rule()
    def begin_review(self):
        self.attempt(actions.begin_review, by=self.rosa)

    @rule()
    def request_information(self):
        self.attempt(actions.request_information, by=self.rosa, message="Which?")

    @rule()
    def approve(self):
        self.attempt(actions.approve, by=self.rosa)

    @rule()
    def waitlist(self):
        self.attempt(actions.waitlist, by=self.rosa)

    @rule()
    def decline(self):
        self.attempt(actions.decline, by=self.rosa, message="No.")

    @rule()
    def appeal(self):
        self.attempt(actions.appeal, by=self.ann, message="You misread it.")

    @rule()
    def another_reviewer_decides(self):
        self.attempt(actions.decline, by=self.rolf, reason="incomplete")

    @rule()
    def revoke(self):
        self.attempt(actions.revoke, by=self.rosa, message="Leaked.")

    @rule()
    def a_reviewer_may_not_play_the_applicant(self):
        for verb, arguments in (
            (actions.submit, {"answers": ANSWERS}),
            (actions.withdraw, {}),
            (actions.give_information, {"message": "These."}),
            (actions.appeal, {"message": "These."}),
        ):
            with pytest.raises(Refusal) as refused:
                verb(self.application, by=self.rosa, **arguments)
            assert refused.value.code == "not_yours"

    @invariant()
    def every_step_is_an_arrow_of_the_table(self):
        assert all(to in MOVES[left] for left, to in zip(self.path, self.path[1:], strict=False))

    @invariant()
    def the_row_the_timeline_and_the_ledger_agree(self):
        row = Application.objects.get(pk=self.application.pk)
        entries = list(Entry.objects.about(row))
        assert row.status == self.path[-1]
        assert [note.status for note in row.notes.all()] == self.path
        assert [note.verb for note in row.notes.all()] == [entry.verb for entry in entries]
        assert [entry.data["to"] for entry in entries[1:]] == self.path[1:]
        assert first_break() is None


@pytest.mark.django_db
def test_every_walk_stays_on_the_arrows(rosa, rolf):
    ApplicationWalk.rosa, ApplicationWalk.rolf = rosa, rolf
    ApplicationWalk.ann = cast.person("ann@example.org")
    run_state_machine_as_test(
        ApplicationWalk,
        settings=settings(
            max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_every_arrow_is_reachable_and_every_state_is_known():
    reached, edge = set(), {"draft"}
    while edge:
        reached |= edge
        edge = {to for left in edge for to in MOVES.get(left, set())} - reached

    assert reached == set(ApplicationStatus.values)
