"""A blind programme: who applied stands nowhere that staff looks before the first decision."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.admissions import actions
from portal.admissions.applications import correcting
from portal.admissions.bulk import decision_imports
from portal.admissions.choosing import SCORE, Policy
from portal.admissions.invitations import admitting, referring
from portal.admissions.models import Application, Rule, RuleSet, Team
from portal.admissions.programmes import actions as programme_actions
from portal.admissions.reviewing import claiming, messaging, noting
from portal.admissions.rules import actions as rules
from portal.admissions.rules import work as rule_work
from portal.admissions.waves import actions as waves
from portal.keys import actions as keys
from portal.keys.models import Scope
from tests.admissions.conftest import ANSWERS
from tests.conftest import signed_in

SECRETS = ("Ann Applicant", "ann@example.org", "Secret Institute")
HUB = "/hub/api/models/open-weights/tiny/user-access-request"


@pytest.fixture
def blind(of_teams):
    """The programme, whose first pass is blind."""
    of_teams.is_blind = True
    of_teams.save()
    return of_teams


@pytest.fixture
def code(blind, rosa):
    """A referral code that only marks."""
    return referring.make_code(
        blind,
        note="A lab.",
        uses_max=5,
        is_pre_approving=False,
        expires_at=timezone.now() + timedelta(days=1),
        by=rosa,
    )


@pytest.fixture
def hidden(blind, draft, ann, code) -> Application:
    """Ann's application with a team and the code, blind."""
    answers = ANSWERS | {"team.name": "Secret Institute", "team.seats": "2", "referral.code": code.code}
    draft.refresh_from_db()
    return admitting.hand_in(draft, answers=answers, by=ann)


def leaks(text: str) -> list[str]:
    return [one for one in SECRETS if one in text]


def found_by(client, words) -> list[str]:
    page = client.get("/console/applications/", {"q": words, "status": "all"})
    return [row.reference for row in page.context["page"]]


def test_no_page_names_who_applied(hidden, blind, code, rosa):
    as_rosa = signed_in(rosa)
    on = rules.create(blind, name="Set", by=rosa)
    conditions = [{"subject": "country", "operator": "is", "value": "DE"}]
    rules.save_rule(on, name="Germans", effect="approve", conditions=conditions, by=rosa)
    # Rules leave those with a team to people.
    Team.objects.all().delete()
    run = rules.dry_run(on, by=rosa)
    rule_work.carry_out(run)
    Team.objects.create(application=hidden, name="Secret Institute", seats_wanted=2)
    rows = f"reference,decision\n{hidden.reference},approve\n".encode()
    imported = decision_imports.read(rows, file_name="a.csv", by=rosa)
    pages = (
        "/console/applications/",
        f"/console/applications/{hidden.reference}/",
        f"/console/applications/{hidden.reference}/team/",
        f"/console/invitations/codes/{code.code}/",
        f"/console/rules/runs/{run.pk}/",
        imported.get_absolute_url(),
        imported.bulk.get_absolute_url(),
        on.get_absolute_url(),
        "/console/",
    )

    told = {address: as_rosa.get(address) for address in pages}

    assert {address: page.status_code for address, page in told.items()} == dict.fromkeys(told, 200)
    assert [address for address, page in told.items() if leaks(page.content.decode())] == []
    assert hidden.reference in told[f"/console/rules/runs/{run.pk}/"].content.decode()
    assert hidden.reference in told[f"/console/invitations/codes/{code.code}/"].content.decode()


def test_a_wave_names_nobody_without_a_first_decision(hidden, blind, rosa):
    # As it may have come from elsewhere: on the list, and decided by nobody here.
    Application.objects.filter(pk=hidden.pk).update(status="waitlisted")
    at = timezone.now() + timedelta(hours=1)
    wave = waves.plan(blind, name="First", policy=Policy(1, SCORE), scheduled_at=at, by=rosa)

    page = signed_in(rosa).get(wave.get_absolute_url()).content.decode()

    assert hidden.reference in page
    assert leaks(page) == []


@pytest.mark.parametrize("words", ["Ann", "ann@example.org", "applicant"])
def test_the_search_finds_nobody_by_name_before_the_first_decision(hidden, rosa, words):
    as_rosa = signed_in(rosa)
    before = found_by(as_rosa, words)

    actions.waitlist(hidden, by=rosa)

    assert before == []
    assert found_by(as_rosa, words) == [hidden.reference]
    assert found_by(as_rosa, "public meetings") == [hidden.reference]


def test_a_rule_that_decides_lets_the_search_find_them(hidden, blind, rosa):
    Team.objects.all().delete()
    on = RuleSet.objects.create(programme=blind, name="On", status="active", activated_at=timezone.now())
    rule = Rule.objects.create(rule_set=on, position=1, name="R", effect="waitlist", conditions=[])

    actions.decide_by_rule(hidden, rule=rule)

    assert found_by(signed_in(rosa), "Ann Applicant") == [hidden.reference]


def test_a_correction_keeps_the_name_out_and_the_code_in(hidden, ann, rosa, code):
    correcting.correct(hidden, answers=ANSWERS | {"country": "FR"}, uploads={}, by=ann)

    as_rosa = signed_in(rosa)
    assert (found_by(as_rosa, "Ann"), found_by(as_rosa, code.code)) == ([], [hidden.reference])


def test_a_programme_that_becomes_blind_forgets_the_names_that_are_searched(submitted, programme, rosa):
    as_rosa = signed_in(rosa)
    found = [found_by(as_rosa, "Ann")]
    for wanted in (True, False):
        programme_actions.change_programme(
            programme, {"is_blind": wanted}, releases=programme.releases.all(), by=rosa
        )
        programme.refresh_from_db()
        found.append(found_by(as_rosa, "Ann"))

    assert found == [[submitted.reference], [], [submitted.reference]]
    assert found_by(as_rosa, "public meetings") == [submitted.reference]


def test_mails_to_reviewers_name_nobody(hidden, ann, rosa, rolf, post_office):
    claiming.claim(hidden, by=rosa)
    with post_office() as mails:
        noting.add_note(hidden, by=rosa, text="@rolf: look again.")
        messaging.write_to_reviewers(hidden, by=ann, message="Hello.")

    assert sorted(mail.to[0] for mail in mails) == ["rolf@example.org", "rosa@example.org"]
    assert [leaks(mail.subject + mail.body + str(mail.alternatives)) for mail in mails] == [[], []]


def test_the_hub_lists_a_reference_for_a_name_and_takes_it_for_one(hidden, rosa, client, release):
    key = keys.create(rosa, name="script", scopes=[Scope.REVIEW], by=rosa)
    headers = {"Authorization": f"Bearer {key.token}"}

    listed = client.get(f"{HUB}/pending", headers=headers)
    [shown] = listed.json()
    answer = client.post(
        f"{HUB}/handle",
        json.dumps({"user": shown["user"]["user"], "status": "accepted"}),
        content_type="application/json",
        headers=headers,
    )
    [after] = client.get(f"{HUB}/accepted", headers=headers).json()

    assert leaks(listed.content.decode()) == []
    assert shown["user"] == {
        "_id": "0" * 24,
        "user": hidden.reference.lower(),
        "fullname": "Hidden until decided",
    }
    assert answer.status_code == 200
    assert after["user"]["email"] == "ann@example.org"
