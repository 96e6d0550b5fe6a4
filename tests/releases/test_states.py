"""The states of a release: which arrows there are, who wins a race, and what each leaves in the ledger."""

import pytest
from django.db import connection
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove, LostRace
from portal.ledger.models import Entry
from portal.licensing.actions import create_licence
from portal.releases import actions
from portal.releases.models import RELEASE_MOVES, Release, ReleaseStatus
from tests import cast


@pytest.fixture
def draft(db):
    cast.policy()
    return actions.create_release(
        slug="tiny",
        name="Tiny",
        hub_id="open-weights/tiny",
        summary="Small.",
        licence=cast.licence(),
        by=None,
    )


def test_a_release_goes_the_whole_way_and_each_step_is_in_the_ledger(draft, rosa):
    actions.send_to_evaluation(draft, by=rosa)
    actions.clear(draft, by=rosa)
    actions.open_release(draft, by=rosa)
    actions.withdraw(draft, reason="It was wrong. Use Tiny 2.", by=rosa)

    draft.refresh_from_db()
    assert draft.status == ReleaseStatus.WITHDRAWN
    assert draft.opened_at < draft.withdrawn_at
    assert draft.withdrawal_reason == "It was wrong. Use Tiny 2."
    verbs = list(Entry.objects.about(draft).values_list("verb", flat=True))
    assert verbs == [
        "release.created", "release.evaluating", "release.cleared", "release.opened", "release.withdrawn",
    ]  # fmt: skip


VERBS = {
    ReleaseStatus.EVALUATING: actions.send_to_evaluation,
    ReleaseStatus.CLEARED: actions.clear,
    ReleaseStatus.OPEN: actions.open_release,
    ReleaseStatus.WITHDRAWN: lambda release, by: actions.withdraw(release, reason="It was wrong.", by=by),
}


class Walk(RuleBasedStateMachine):
    """Any verbs in any order: the release moves where the table has an arrow, and nowhere else."""

    @initialize()
    def begin(self):
        Release.objects.update(status=ReleaseStatus.DRAFT)
        self.stands = ReleaseStatus.DRAFT
        self.entries = Entry.objects.count()

    @rule(to=st.sampled_from(list(VERBS)))
    def try_verb(self, to):
        release = Release.objects.get()
        try:
            VERBS[to](release, by=None)
        except IllegalMove:
            assert to not in RELEASE_MOVES.get(self.stands, frozenset())
        else:
            assert to in RELEASE_MOVES[self.stands]
            self.stands, self.entries = to, self.entries + 1

    @invariant()
    def the_row_and_the_ledger_agree(self):
        if hasattr(self, "stands"):
            assert Release.objects.get().status == self.stands
            assert Entry.objects.count() == self.entries


def test_whatever_the_order_of_the_verbs_only_the_table_s_arrows_are_walked(draft):
    run_state_machine_as_test(Walk, settings=settings(max_examples=15, stateful_step_count=12, deadline=None))


def test_a_draft_cannot_be_opened(draft):
    with pytest.raises(IllegalMove, match="draft and cannot become open"):
        actions.open_release(draft, by=None)


def test_a_withdrawn_release_stays_withdrawn(draft):
    Release.objects.update(status=ReleaseStatus.WITHDRAWN)
    draft.refresh_from_db()

    for act in (actions.send_to_evaluation, actions.clear, actions.open_release):
        with pytest.raises(IllegalMove):
            act(draft, by=None)


def test_a_release_whose_licence_nobody_can_accept_cannot_open(draft):
    draft.licence = create_licence(slug="bare", name="Bare", by=None)
    draft.save()
    actions.send_to_evaluation(draft, by=None)
    actions.clear(draft, by=None)

    with pytest.raises(Refusal, match="no published version"):
        actions.open_release(draft, by=None)


def test_a_withdrawal_needs_a_reason(draft):
    with pytest.raises(Refusal, match="Say why"):
        actions.withdraw(draft, reason="  ", by=None)


def test_the_second_of_two_managers_loses_and_nothing_is_written_twice(draft):
    stale = Release.objects.get()
    actions.send_to_evaluation(draft, by=None)

    with pytest.raises(LostRace):
        actions.send_to_evaluation(stale, by=None)
    assert Entry.objects.filter(verb="release.evaluating").count() == 1


@pytest.mark.parametrize("hub_id", ["tiny", "a/b/c", "a/..", "a--b/c", "-a/b", "a/b.", "a b/c", ""])
def test_a_hub_id_that_clients_refuse_is_refused(db, hub_id):
    with pytest.raises(Refusal):
        actions.create_release(
            slug="tiny", name="Tiny", hub_id=hub_id, summary="Small.", licence=cast.licence(), by=None
        )


def test_a_taken_slug_is_refused_with_a_sentence(draft):
    with pytest.raises(Refusal, match="already exists"):
        actions.create_release(
            slug="tiny", name="T", hub_id="open-weights/t", summary="S", licence=draft.licence, by=None
        )
    assert connection.is_usable()
