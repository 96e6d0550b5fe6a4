"""Who has an application: claims that end, assignments, sharing out, and what others may do meanwhile."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.admissions import actions
from portal.admissions.models import Application, ApplicationStatus
from portal.admissions.reviewing import claiming, noting
from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from tests import cast


def test_rosa_claims_an_application_and_rolf_is_told_that_she_has_it(submitted, rosa, rolf):
    claimed = claiming.claim(submitted, by=rosa)

    with pytest.raises(Refusal) as deciding:
        actions.approve(submitted, by=rolf)
    with pytest.raises(Refusal) as claiming_too:
        claiming.claim(submitted, by=rolf)

    submitted.refresh_from_db()
    assert claimed.assignee == rosa
    assert deciding.value.code == claiming_too.value.code == "taken_by_another"
    assert deciding.value.sentence.startswith("rosa@example.org has this application until ")
    assert submitted.status == ApplicationStatus.SUBMITTED
    assert Entry.objects.about(submitted).last().verb == "application.claimed"


def test_a_claim_ends_and_anybody_decides(submitted, rosa, rolf):
    claiming.claim(submitted, by=rosa)
    Application.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))

    approved = actions.approve(submitted, by=rolf)

    assert approved.status == ApplicationStatus.APPROVED
    assert Application.objects.not_taken().count() == 1


def test_claiming_again_renews_the_claim_without_another_entry(submitted, rosa):
    first = claiming.claim(submitted, by=rosa).claimed_until

    second = claiming.claim(submitted, by=rosa).claimed_until

    assert second > first
    assert Entry.objects.filter(verb="application.claimed").count() == 1


def test_an_assignment_stays_until_it_is_given_back(submitted, rosa, rolf):
    claiming.assign(submitted, to=rolf, by=rosa)
    with pytest.raises(Refusal):
        actions.approve(submitted, by=rosa)

    claiming.let_go(submitted, by=rosa)

    assert actions.approve(submitted, by=rosa).status == ApplicationStatus.APPROVED
    assert [note.message for note in submitted.staff_notes.all()] == ["To rolf@example.org.", ""]


def test_rolf_takes_over_what_rosa_claimed_by_assigning_it_to_himself(submitted, rosa, rolf):
    claiming.claim(submitted, by=rosa)

    claiming.assign(submitted, to=rolf, by=rolf)

    assert actions.approve(submitted, by=rolf).decided_by == rolf


def test_deciding_ends_a_claim(submitted, rosa):
    claiming.claim(submitted, by=rosa)

    decided = actions.waitlist(submitted, by=rosa)

    assert (decided.assignee, decided.claimed_until) == (None, None)


def test_nobody_is_assigned_who_could_not_decide(submitted, rosa, rolf, ann):
    cast.person("outsider@example.org")
    noting.declare_conflict(submitted, by=rolf)

    codes = []
    for person in (ann, rolf):
        with pytest.raises(Refusal) as refused:
            claiming.assign(submitted, to=person, by=rosa)
        codes.append(refused.value.code)

    assert codes == ["not_a_reviewer", "conflict_declared"]


def test_what_waits_is_shared_out_in_turns_and_round_conflicts(programme, rosa, rolf):
    made = [cast.application(cast.person(f"p{number}@example.org"), programme) for number in range(5)]
    decided = cast.application(cast.person("q@example.org"), programme, ApplicationStatus.APPROVED)
    claiming.claim(made[4], by=rosa)
    noting.declare_conflict(made[0], by=rosa)

    given = claiming.share_out(Application.objects.all(), among=[rosa, rolf], by=rosa)

    assignees = [Application.objects.get(pk=one.pk).assignee for one in (*made, decided)]
    assert assignees[0] == rolf
    assert sorted(str(one) for one in assignees[1:4]) == sorted(map(str, [rosa, rosa, rolf]))
    assert assignees[4:] == [rosa, None]
    assert given == {rosa: 2, rolf: 2}
    assert Entry.objects.last().data == {"given": {"rosa@example.org": 2, "rolf@example.org": 2}}


@pytest.mark.parametrize(("among", "code"), [([], "nobody_to_share_among"), (["rosa"], "nothing_to_share")])
def test_sharing_out_nothing_is_refused(programme, rosa, among, code):
    with pytest.raises(Refusal) as refused:
        claiming.share_out(Application.objects.all(), among=[rosa] if among else [], by=rosa)

    assert refused.value.code == code
