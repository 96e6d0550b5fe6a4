"""Every way to a decision keeps to the same rules: second reviewers, conflicts, appeals, places, locks."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.admissions import actions
from portal.admissions.bulk import actions as bulk
from portal.admissions.bulk import decision_imports
from portal.admissions.bulk import work as bulk_work
from portal.admissions.invitations import admitting, inviting
from portal.admissions.models import Application, PreApproval, Proposal, Rule, RuleSet, Team
from portal.admissions.models import ApplicationStatus as Status
from portal.admissions.programmes import actions as programme_actions
from portal.admissions.reviewing import claiming, noting
from portal.admissions.rules import actions as rules
from portal.admissions.rules import work as rule_work
from portal.admissions.teams import actions as teams
from portal.admissions.teams import oversight as team_oversight
from portal.admissions.waves import work as wave_work
from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS
from tests.admissions.test_inviting import MONTH
from tests.admissions.waiting import due, waiting

GERMAN = [{"subject": "country", "operator": "is", "value": "DE"}]


@pytest.fixture
def doubly(programme):
    """The programme wants a second reviewer."""
    programme.needs_second_reviewer = True
    programme.save()
    return programme


def rule_of(programme, effect) -> Rule:
    """A rule of a set that is switched on."""
    on = RuleSet.objects.create(
        programme=programme, name="On", status="active", activated_at=timezone.now() - MONTH
    )
    return Rule.objects.create(rule_set=on, position=1, name="Germans", effect=effect, conditions=GERMAN)


def code_of(act, *arguments, **named) -> str:
    with pytest.raises(Refusal) as refused:
        act(*arguments, **named)
    return refused.value.code


@pytest.mark.parametrize("effect", ["approve", "waitlist"])
def test_a_rule_does_not_stand_for_two_reviewers(submitted, doubly, rosa, effect):
    rule = rule_of(doubly, effect)

    rule_work.look_at_new(submitted)
    run = rules.dry_run(rule.rule_set, by=rosa)
    rule_work.carry_out(run)

    run.refresh_from_db()
    submitted.refresh_from_db()
    assert code_of(actions.decide_by_rule, submitted, rule=rule) == "left_to_people"
    assert (submitted.status, run.looked, run.left_to_people) == (Status.SUBMITTED, 1, 1)


def test_a_rule_may_flag_where_two_reviewers_decide(submitted, doubly, rosa):
    draft = rules.create(doubly, name="Draft", by=rosa)

    rule_work.look_at_new(submitted)
    actions.decide_by_rule(submitted, rule=rule_of(doubly, "flag"))

    submitted.refresh_from_db()
    assert submitted.flag == "Germans"
    assert code_of(rules.save_rule, draft, name="A", effect="approve", conditions=GERMAN, by=rosa) == (
        "rule_not_possible"
    )
    assert rules.save_rule(draft, name="F", effect="flag", conditions=GERMAN, by=rosa).effect == "flag"


def test_whoever_proposed_the_decline_does_not_decide_on_the_appeal(submitted, doubly, rosa, rolf, ann):
    actions.decline(submitted, by=rosa, reason="incomplete")
    actions.decline(submitted, by=rolf, reason="incomplete")
    actions.appeal(submitted, by=ann, message="Look again.")
    third, fourth = (cast.staff(f"{name}@example.org", "Reviewers") for name in ("r3", "r4"))

    codes = [code_of(actions.approve, submitted, by=one) for one in (rosa, rolf)]
    codes.append(code_of(claiming.share_out, Application.objects.all(), among=[rosa, rolf], by=rosa))
    proposed = actions.approve(submitted, by=third)
    decided = actions.approve(submitted, by=fourth)

    assert codes == ["own_decision", "own_decision", "nothing_to_share"]
    assert (proposed.status, decided.status) == (Status.IN_REVIEW, Status.APPROVED)


def test_whoever_proposed_to_approve_may_decide_on_the_appeal(submitted, doubly, rosa, rolf, ann):
    third = cast.staff("r3@example.org", "Reviewers")
    actions.approve(submitted, by=third)
    actions.decline(submitted, by=rosa, reason="incomplete")
    actions.decline(submitted, by=rolf, reason="incomplete")
    actions.appeal(submitted, by=ann, message="Look again.")

    assert actions.approve(submitted, by=third).status == Status.IN_REVIEW


def test_an_appeal_is_not_kept_by_the_one_who_declined(submitted, rosa, rolf, ann):
    claiming.assign(submitted, to=rosa, by=rosa)
    actions.decline(submitted, by=rosa, reason="incomplete")

    appealed = actions.appeal(submitted, by=ann, message="Look again.")

    assert appealed.assignee is None
    assert actions.approve(appealed, by=rolf).status == Status.APPROVED


def test_a_proposal_from_before_the_rule_was_lifted_counts_for_nothing(submitted, doubly, rosa, rolf):
    actions.approve(submitted, by=rosa)
    for wanted in (False, True):
        doubly.refresh_from_db()
        programme_actions.change_programme(
            doubly, {"needs_second_reviewer": wanted}, releases=doubly.releases.all(), by=rosa
        )

    assert not Proposal.objects.exists()
    assert actions.approve(submitted, by=rolf).status == Status.IN_REVIEW


def test_a_decision_on_many_that_wait_on_the_list_says_that_it_only_proposes(programme, rosa):
    [one] = waiting(programme, 4)
    programme.needs_second_reviewer = True
    programme.save()
    prepared = bulk.prepare(Application.objects.all(), verb="approve", by=rosa)
    bulk.begin(prepared, by=rosa)

    bulk_work.carry_out(prepared)

    one.refresh_from_db()
    assert one.status == Status.WAITLISTED
    assert prepared.items.get().sentence == "Proposed: it counts once a second reviewer agrees."


def test_a_conflict_leaves_an_application_out_of_decisions_on_many_files_and_waves(
    submitted, programme, rosa, rolf
):
    other, conflicted = waiting(programme, 1, 5)
    for one in (submitted, conflicted):
        noting.declare_conflict(one, by=rosa)

    prepared = bulk.prepare(Application.objects.all(), verb="approve", by=rosa)
    content = f"reference,decision\n{submitted.reference},approve\n".encode()
    told = decision_imports.read(content, file_name="a.csv", by=rosa).rows[0]["told"]
    of_rosa, of_rolf = (set(wave_work.waiting_for(programme, by=one)) for one in (rosa, rolf))

    assert [item.application for item in prepared.items.all()] == [other]
    assert prepared.left_out == 2
    assert told == "You declared a conflict of interest. Ask another reviewer."
    assert (of_rosa, of_rolf) == ({other}, {other, conflicted})


def test_the_place_of_a_conflict_goes_to_the_next(programme, rosa):
    other, conflicted = waiting(programme, 1, 5)
    noting.declare_conflict(conflicted, by=rosa)

    wave_work.release(due(programme, rosa, size=1))

    assert [Application.objects.get(pk=one.pk).status for one in (other, conflicted)] == [
        Status.APPROVED,
        Status.WAITLISTED,
    ]


@pytest.fixture
def asked(of_teams, submitted, ann):
    """Ann's application in a programme that wants two reviewers, with a team of nine seats."""
    of_teams.needs_second_reviewer = True
    of_teams.save()
    teams.ask_for(submitted, name="Example Institute", seats_wanted=9, by=ann)
    return submitted


@pytest.mark.parametrize(
    "seats", [(2, 3, 2, 3), (3, 2, 2, None), (None, 4, 4, None), (2, None, 2, 9), (None, None, 9, None)]
)
def test_the_seats_are_those_that_both_reviewers_grant_and_more_wait(asked, rosa, rolf, seats):
    first, second, granted, waiting_for = seats

    actions.approve(asked, by=rosa, seats=first, message="A small lab.")
    actions.approve(asked, by=rolf, seats=second)

    proposed = asked.staff_notes.filter(verb="application.decision_proposed").first()
    told = "" if first is None else f"Seats for the team: {first}. "
    assert proposed.message == f"Approved. {told}A small lab."
    assert Team.objects.get().seats == granted
    left = Proposal.objects.values_list("by", "seats")
    assert list(left) == ([] if waiting_for is None else [(rolf.pk, waiting_for)])


def approved_by_two(asked, rosa, rolf) -> Team:
    for reviewer in (rosa, rolf):
        actions.approve(asked, by=reviewer, seats=2)
    return Team.objects.get()


def test_one_reviewer_cannot_widen_a_team_that_two_approved(asked, rosa, rolf):
    team = approved_by_two(asked, rosa, rolf)

    alone = team_oversight.set_seats(team, seats=8, by=rosa).seats
    once_more = team_oversight.set_seats(team, seats=8, by=rosa).seats
    agreed = team_oversight.set_seats(team, seats=8, by=rolf).seats

    assert (alone, once_more, agreed) == (2, 2, 8)
    assert not Proposal.objects.exists()
    assert [entry.data["to"] for entry in Entry.objects.filter(verb="team.seats_set")] == [2, 8]


def test_two_who_want_different_numbers_agree_to_the_smaller_one(asked, rosa, rolf):
    team = approved_by_two(asked, rosa, rolf)

    team_oversight.set_seats(team, seats=5, by=rosa)
    fewer = team_oversight.set_seats(team, seats=9, by=rolf).seats
    more = team_oversight.set_seats(team, seats=7, by=rosa).seats

    assert (fewer, more) == (5, 7)
    assert not Proposal.objects.exists()


def test_one_reviewer_may_narrow_and_what_was_proposed_falls(asked, rosa, rolf):
    team = approved_by_two(asked, rosa, rolf)
    team_oversight.set_seats(team, seats=8, by=rosa)

    narrowed = team_oversight.set_seats(team, seats=1, by=rosa).seats
    again = team_oversight.set_seats(team, seats=8, by=rolf).seats

    assert (narrowed, again) == (1, 1)
    assert Proposal.objects.get().by == rolf


def test_proposed_seats_fall_with_the_approval_and_with_a_conflict(asked, rosa, rolf):
    team = approved_by_two(asked, rosa, rolf)
    team_oversight.set_seats(team, seats=8, by=rosa)
    noting.declare_conflict(asked, by=rosa)
    after_conflict = Proposal.objects.exists()
    team_oversight.set_seats(team, seats=8, by=rolf)

    actions.revoke(asked, by=rolf, message="The project has ended.")

    assert not after_conflict
    assert not Proposal.objects.exists()
    assert code_of(team_oversight.set_seats, team, seats=9, by=rolf) == "team_not_approved"


def test_the_programme_without_the_second_reviewer_widens_at_once(of_teams, asked, rosa, rolf):
    team = approved_by_two(asked, rosa, rolf)
    of_teams.needs_second_reviewer = False
    of_teams.save()

    assert team_oversight.set_seats(team, seats=8, by=rosa).seats == 8


def test_a_grant_of_the_staff_brings_the_seats_and_an_invitation_does_not(of_teams, rosa):
    people = [cast.person(f"p{number}@example.org") for number in range(2)]
    for one in people:
        made = actions.submit(actions.start(of_teams, by=one), answers=ANSWERS, by=one)
        teams.ask_for(made, name="Lab", seats_wanted=4, by=one)

    actions.grant(of_teams, people[0], by=rosa, grants_seats=True)
    actions.grant(of_teams, people[1], by=rosa)

    assert list(Team.objects.order_by("pk").values_list("seats", flat=True)) == [4, 0]


def locks_of(act, *arguments, **named) -> list[str]:
    """In which order the places of the programme and the ledger are locked first."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        act(*arguments, **named)
    found = []
    for query in queries:
        sql = query["sql"]
        if 'FROM "admissions_programme"' in sql and sql.endswith("UPDATE"):
            found.append("places")
        if "pg_advisory_xact_lock" in sql:
            found.append("ledger")
    return list(dict.fromkeys(found))


def test_every_approval_locks_the_places_before_the_ledger(programme, draft, ann, rosa):
    programme.capacity = 50
    programme.save()
    people = [cast.person(f"p{number}@example.org") for number in range(3)]
    one, two = (
        actions.submit(actions.start(programme, by=person), answers=ANSWERS, by=person)
        for person in people[:2]
    )
    inviting.pre_approve(programme, email=ann.email, note="", expires_at=timezone.now() + MONTH, by=rosa)
    draft.refresh_from_db()

    orders = [
        locks_of(actions.approve, one, by=rosa),
        locks_of(actions.decide_by_rule, two, rule=rule_of(programme, "approve")),
        locks_of(actions.grant, programme, people[2], by=rosa),
        locks_of(admitting.hand_in, draft, answers=ANSWERS, by=ann),
    ]

    assert orders == [["places", "ledger"]] * 4
    assert PreApproval.objects.get().status == "used"
