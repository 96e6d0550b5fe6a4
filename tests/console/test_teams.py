"""Staff grant seats, as they approve and later, and remove a member for good."""

import pytest

from portal.admissions import actions
from portal.admissions.models import Team, TeamInvitation
from portal.admissions.reviewing import noting
from portal.admissions.teams import actions as teams
from portal.admissions.teams import oversight as team_oversight
from portal.common.refusals import Refusal
from tests import cast
from tests.admissions.conftest import ann, cleo, draft, of_teams, programme, rolf, submitted
from tests.conftest import signed_in

__all__ = ["ann", "cleo", "draft", "of_teams", "programme", "rolf", "submitted"]


def page_of(application) -> str:
    return f"/console/applications/{application.reference}/"


@pytest.fixture
def asked(of_teams, submitted, ann):
    """Ann's application, with a team of three seats."""
    teams.ask_for(submitted, name="Example Institute", seats_wanted=3, by=ann)
    return submitted


def decided(client, application, **fields):
    seen = application.notes.last().pk
    sent = {"verb": "approve", "seen": seen, "message": "", "reason": ""} | fields
    return client.post(f"{page_of(application)}decide/", sent)


@pytest.mark.parametrize(("typed", "granted"), [("", 3), ("1", 1), ("0", 0)])
def test_rosa_grants_seats_as_she_approves(as_rosa, asked, typed, granted):
    offered = as_rosa.get(page_of(asked)).content.decode()

    answer = decided(as_rosa, asked, seats=typed)

    assert "Seats for the team, when you approve" in offered
    assert answer.status_code == 302
    assert Team.objects.get().seats == granted


@pytest.mark.parametrize(
    ("typed", "said"),
    [("11", "Early access allows 10 seats a team at most. Grant no more."), ("-1", "0 at least.")],
)
def test_seats_that_cannot_be_granted_are_told_and_nothing_is_decided(as_rosa, asked, typed, said):
    answer = decided(as_rosa, asked, seats=typed)

    asked.refresh_from_db()
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert (asked.status, Team.objects.get().seats) == ("submitted", 0)


def test_a_page_without_a_team_asks_for_no_seats(as_rosa, submitted):
    page = as_rosa.get(page_of(submitted)).content.decode()

    assert "Seats for the team" not in page
    assert "Grant seats" not in page


def test_rosa_changes_the_seats_later_and_sees_who_is_in(as_rosa, asked, rosa, cleo):
    actions.approve(asked, by=rosa)
    team = Team.objects.get()
    empty = as_rosa.get(f"{page_of(asked)}team/").content.decode()
    teams.accept(teams.invite(team, email=cleo.email, by=team.lead), by=cleo)

    page = as_rosa.post(f"{page_of(asked)}team/", {"seats": "5"}, follow=True).content.decode()
    too_few = as_rosa.post(f"{page_of(asked)}team/", {"seats": "0"})

    team.refresh_from_db()
    assert "Nobody is invited yet" in empty
    assert "cleo@example.org" in page
    assert "The team has 5 seats now." in page
    assert (too_few.status_code, team.seats) == (409, 5)
    assert "the last to join: cleo@example.org." in too_few.content.decode()


def test_more_seats_after_two_approved_wait_for_the_other_reviewer_and_say_so(
    as_rosa, of_teams, asked, rosa, rolf
):
    of_teams.needs_second_reviewer = True
    of_teams.save()
    actions.approve(asked, by=rosa)
    actions.approve(asked, by=rolf)

    told = as_rosa.post(f"{page_of(asked)}team/", {"seats": "5"}, follow=True).content.decode()
    pages = [
        " ".join(signed_in(rolf).get(path).content.decode().split())
        for path in (f"{page_of(asked)}team/", page_of(asked), "/console/")
    ]
    seats_between = Team.objects.get().seats
    agreed = signed_in(rolf).post(f"{page_of(asked)}team/", {"seats": "5"}, follow=True).content.decode()

    assert "The team has 3 seats now. 5 wait for a second reviewer to agree." in told
    assert f"{rosa} proposes 5 seats; the team has 3." in pages[0]
    assert f"{rosa} proposes 5 seats for the team." in pages[1]
    assert f"5, proposed by {rosa}" in pages[2]
    assert seats_between == 3
    assert "The team has 5 seats now." in agreed
    assert "data-proposal" not in agreed
    assert "data-seats-proposed" not in as_rosa.get("/console/").content.decode()


def test_rosa_grants_a_team_to_an_approved_lead_who_asked_for_none(as_rosa, of_teams, submitted, rosa):
    actions.approve(submitted, by=rosa)
    offered = as_rosa.get(page_of(submitted)).content.decode()

    nameless = as_rosa.post(f"{page_of(submitted)}team/", {"seats": "2"})
    as_rosa.post(f"{page_of(submitted)}team/", {"name": "Example Institute", "seats": "2"})

    team = Team.objects.get()
    assert "Grant seats for a team" in offered
    assert nameless.status_code == 422
    assert (team.name, team.seats, team.seats_wanted) == ("Example Institute", 2, 0)


def test_seats_wait_for_the_approval_and_for_a_programme_that_takes_teams(
    as_rosa, programme, submitted, rosa
):
    sent = {"name": "Example Institute", "seats": "2"}
    single = as_rosa.post(f"{page_of(submitted)}team/", sent)
    programme.takes_teams = True
    programme.save()
    early = as_rosa.post(f"{page_of(submitted)}team/", sent)

    assert (single.status_code, early.status_code) == (409, 409)
    assert "takes single people only" in single.content.decode()
    assert "Approve the application first" in early.content.decode()
    assert not Team.objects.exists()


def test_rosa_removes_a_member_with_a_reason(as_rosa, asked, rosa, cleo):
    actions.approve(asked, by=rosa)
    team = Team.objects.get()
    member = teams.accept(teams.invite(team, email=cleo.email, by=team.lead), by=cleo)
    address = f"{page_of(asked)}team/{member.pk}/"

    question = as_rosa.get(address).content.decode()
    silent = as_rosa.post(address, {"message": " "})
    answer = as_rosa.post(address, {"message": "You shared a key."})

    member.refresh_from_db()
    assert "Remove this member?" in question
    assert (silent.status_code, answer.status_code) == (422, 302)
    assert "Tell the member why their access ends." in silent.content.decode()
    assert (member.status, member.is_barred) == ("removed", True)
    assert as_rosa.get(address).status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same_for_one_and_three(as_rosa, asked, rosa, count, django_assert_num_queries):
    actions.approve(asked, by=rosa)
    for number in range(count):
        cast.member(Team.objects.get(), cast.person(f"m{number}@example.org"))

    with django_assert_num_queries(6):
        as_rosa.get(f"{page_of(asked)}team/")


def test_outsiders_and_staff_of_other_roles_are_kept_out(asked, rosa, mallory, ann, cleo):
    actions.approve(asked, by=rosa)
    member = cast.member(Team.objects.get(), cleo)
    organiser = cast.staff("olga@example.org", "Event organisers")

    answers = [
        getattr(signed_in(person), method)(f"{page_of(asked)}team/{path}", {"seats": "9", "message": "x"})
        for person in (mallory, ann, organiser)
        for path in ("", f"{member.pk}/")
        for method in ("get", "post")
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert (Team.objects.get().seats, TeamInvitation.objects.get().status) == (3, "accepted")


def test_a_conflict_keeps_a_reviewer_from_seats_and_members(asked, rosa, rolf, cleo):
    actions.approve(asked, by=rolf)
    member = TeamInvitation.objects.create(
        team=Team.objects.get(), email=cleo.email, token_hash="a", status="accepted", accepted_by=cleo
    )
    noting.declare_conflict(asked, by=rosa)

    codes = []
    for act, fields in (
        (lambda **named: team_oversight.set_seats(Team.objects.get(), **named), {"seats": 2}),
        (lambda **named: team_oversight.expel(member, **named), {"message": "Go."}),
    ):
        with pytest.raises(Refusal) as refused:
            act(by=rosa, **fields)
        codes.append(refused.value.code)

    assert codes == ["conflict_declared"] * 2
    assert (Team.objects.get().seats, TeamInvitation.objects.get().status) == (3, "accepted")
