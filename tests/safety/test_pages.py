"""The staff's pages of the safety gate, and the one that everybody reads."""

import json
import subprocess
import sys

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from portal.common import statements
from portal.releases import actions
from portal.releases.models import ReleaseStatus, SafetyPolicy, SignOff
from portal.releases.safety import evaluations, policies, requirements
from portal.releases.safety.clearing import clearance_of
from tests import cast
from tests.conftest import signed_in
from tests.safety import cleared
from tests.safety.cleared import MANAGER, OFFICER, evaluate, freeze

ROWS = {
    "demand-TOTAL_FORMS": "2",
    "demand-INITIAL_FORMS": "0",
    "role-TOTAL_FORMS": "2",
    "role-INITIAL_FORMS": "0",
}
POLICY = ROWS | {
    "title": "Written in the console",
    "seen_number": "1",
    "demand-0-suite": "refusal",
    "demand-0-metric": "pass_rate",
    "demand-0-bound": "at_least",
    "demand-0-threshold": "0.8",
    "role-0-role": OFFICER,
    "role-0-days": "90",
    "role-1-role": MANAGER,
    "role-1-days": "30",
}


@pytest.fixture
def as_olga(olga) -> Client:
    return signed_in(olga)


@pytest.fixture
def as_remy(remy) -> Client:
    return signed_in(remy)


def test_a_safety_officer_writes_a_policy_sees_what_it_shuts_and_puts_it_in_force(as_olga, release):
    seen = as_olga.post("/console/safety/policy/", POLICY)
    assert seen.status_code == 200
    assert "What it would mean" in seen.text
    assert "It has no weights yet." in seen.text
    assert SafetyPolicy.objects.count() == 1

    done = as_olga.post("/console/safety/policy/", POLICY | {"confirm": "yes"}, follow=True)

    assert "Safety policy 2 is in force." in done.text
    terms = policies.terms_of(policies.in_force())
    assert terms.title == "Written in the console"
    assert [one.words for one in terms.evaluations] == ["refusal: pass_rate of at least 0.8"]
    assert [(one.role, one.days) for one in terms.sign_offs] == [(OFFICER, 90), (MANAGER, 30)]
    assert "closed until its safety is signed off" in Client().get("/releases/tiny/").text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"role-1-role": OFFICER}, "Name at least two different roles"),
        ({"demand-0-threshold": ""}, "Give a number, or empty the row."),
        ({"demand-0-metric": ""}, "Name it, or empty the row."),
        ({"demand-0-suite_sha256": "x"}, "Enter a valid value"),
        ({"role-0-days": "5000"}, "less than or equal to 730"),
        ({"seen_number": "0", "confirm": "yes"}, "another policy in force since you read it"),
        ({"title": ""}, "id_title_error"),
    ],
)
def test_a_wrong_policy_is_told_why_and_keeps_what_was_typed(as_olga, release, changes, sentence):
    answer = as_olga.post("/console/safety/policy/", POLICY | changes)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="refusal"' in answer.text
    assert SafetyPolicy.objects.count() == 1


def test_two_people_sign_in_the_console_and_the_release_is_cleared(draft, revision, as_olga, as_remy):
    evaluate(revision)
    for client, role in ((as_olga, OFFICER), (as_remy, MANAGER)):
        page = client.get("/console/releases/falcon/safety/")
        seen = page.context["form"]["seen"].value()
        asked = {"role": role, "days": "30", "seen": seen, "is_read": "on"}
        done = client.post(f"/console/releases/falcon/safety/{revision.commit}/sign/", asked, follow=True)
        assert f"You signed for {revision.commit[:12]} as {role}." in done.text

    assert clearance_of(draft).is_clear
    as_remy.post("/console/releases/falcon/clear/")
    draft.refresh_from_db()
    assert draft.status == ReleaseStatus.CLEARED


def test_a_signature_is_refused_without_reading_or_when_another_result_came(draft, revision, as_olga):
    evaluate(revision)
    url = f"/console/releases/falcon/safety/{revision.commit}/sign/"
    asked = {"role": OFFICER, "days": "30", "seen": "0" * 64}

    unread = as_olga.post(url, asked)
    changed = as_olga.post(url, asked | {"is_read": "on"})

    assert (unread.status_code, changed.status_code) == (422, 422)
    assert "your name stands under it" in unread.text
    assert "have changed since you read them" in changed.text
    assert not SignOff.objects.exists()


def test_the_step_to_clear_names_what_is_missing(draft, revision, as_remy):
    page = as_remy.get("/console/releases/falcon/clear/")
    assert "It was not evaluated yet on refusal: pass_rate of at least 0.9." in page.text

    refused = as_remy.post("/console/releases/falcon/clear/")

    assert "Falcon is not cleared." in refused.text
    draft.refresh_from_db()
    assert draft.status == ReleaseStatus.EVALUATING


def test_an_outsiders_report_is_recorded_with_its_answers(draft, revision, as_remy):
    url = f"/console/releases/falcon/safety/{revision.commit}/report/"
    rows = {
        "recommendation-TOTAL_FORMS": "2",
        "recommendation-INITIAL_FORMS": "0",
        "recommendation-0-text": "Test it.",
    }
    asked = {name: value for name, value in vars(cleared.REPORT).items() if name != "recommendations"} | rows
    assert "Write both, or empty the row." in as_remy.post(url, asked).text

    as_remy.post(url, asked | {"recommendation-0-answer": "We will."})

    facts = revision.evaluations.get().facts["facts"]
    assert facts["reviewer"] == "Ines Inspector"
    assert facts["recommendations"] == [{"text": "Test it.", "answer": "We will."}]


def test_results_and_signatures_are_taken_back_with_a_reason(signed, revision, as_olga):
    found = revision.evaluations.get()
    url = f"/console/safety/evaluations/{found.pk}/withdraw/"
    assert "every sign-off that rests on it falls" in as_olga.get(url).text
    assert as_olga.post(url, {"reason": " "}).status_code == 422
    as_olga.post(url, {"reason": "The prompts had leaked."})
    of_remy = SignOff.objects.get(role=MANAGER)
    as_olga.post(f"/console/safety/sign-offs/{of_remy.pk}/withdraw/", {"reason": "It rests on it."})

    found.refresh_from_db()
    of_remy.refresh_from_db()
    assert found.withdrawal_reason == "The prompts had leaked."
    assert of_remy.withdrawal_reason == "It rests on it."
    again = as_olga.post(url, {"reason": "Once more."})
    assert (again.status_code, "already" in again.text) == (422, True)


def test_a_release_is_paused_with_a_reason_and_goes_on(signed, as_remy):
    as_remy.post("/console/releases/falcon/pause/", {"reason": "A report came in."})
    signed.refresh_from_db()
    assert signed.pause_reason == "A report came in."
    assert "A report came in." in as_remy.get("/console/releases/falcon/safety/").text

    as_remy.post("/console/releases/falcon/resume/")

    signed.refresh_from_db()
    assert signed.paused_at is None


def test_a_new_revision_of_an_open_release_is_given_out_once_it_is_clear(
    signed, revision, olga, remy, as_remy
):
    actions.clear(signed, by=None)
    actions.open_release(signed, by=None)
    new = freeze(signed, content="f", is_current=False, at=timezone.now())
    url = f"/console/releases/falcon/safety/{new.commit}/promote/"
    assert "It is held until nothing is missing." in as_remy.get(url).text
    assert "is not cleared" in as_remy.post(url).text

    evaluate(new)
    cleared.sign(new, olga, remy)
    assert "Give it out" in as_remy.get("/console/releases/falcon/safety/").text
    as_remy.post(url)

    assert signed.current_revision() == new
    assert clearance_of(signed).is_clear


def test_a_demand_is_lifted_with_a_reason(release, as_olga):
    asked = {"suite": "regressions", "metric": "pass_rate", "threshold": 1}
    made = requirements.require(release, **asked, reason="REP-1", by=None)
    assert "REP-1" in as_olga.get("/console/releases/tiny/safety/").text

    as_olga.post(f"/console/safety/demands/{made.pk}/lift/", {"reason": "It was a joke."})

    assert not release.requirements.live().exists()


PAGES = [
    "/console/safety/",
    "/console/safety/policy/",
    "/console/releases/falcon/safety/",
    "/console/releases/falcon/pause/",
]


@pytest.mark.parametrize("path", PAGES)
def test_nobody_else_sees_the_staffs_pages(signed, as_mallory, as_rosa, path):
    assert as_mallory.get(path).status_code == 403
    assert as_rosa.get(path).status_code == 403
    assert Client().get(path).status_code == 302


def test_only_who_sets_the_policy_writes_it(signed, as_remy):
    assert as_remy.get("/console/safety/").status_code == 200
    assert as_remy.get("/console/safety/policy/").status_code == 403


@pytest.mark.parametrize("others", [1, 3])
def test_the_overview_costs_the_same_for_one_release_and_three(
    signed, as_olga, others, django_assert_num_queries
):
    for number in range(others):
        made = cast.release(f"other-{number}", status=ReleaseStatus.EVALUATING, under=signed.licence)
        evaluate(freeze(made, content=str(number)))
    as_olga.get("/console/safety/")

    with django_assert_num_queries(9):
        page = as_olga.get("/console/safety/")

    assert page.text.count("It is not signed off by Safety officers yet.") == others


def test_everybody_reads_what_an_open_release_rests_on_and_can_check_it(signed, revision, client):
    evaluations.record_report(revision, cleared.REPORT, by=None)
    assert client.get("/releases/falcon/safety/").status_code == 404
    actions.clear(signed, by=None)
    actions.open_release(signed, by=None)

    page = client.get("/releases/falcon/safety/").text
    assert "Ines Inspector for Outside Laboratory" in page
    assert "We will before it is released." in page
    found = revision.sign_offs.get(role=OFFICER)
    told = client.get(f"/releases/falcon/safety/{found.digest}.json").json()
    pem = client.get(told["public_key"]).text

    assert statements.verify(told["statement"], told["signature"], pem)
    assert json.loads(told["statement"])["commit"] == revision.commit
    assert client.get(f"/releases/falcon/safety/{'0' * 64}.json").status_code == 404


def test_the_manuals_script_checks_a_statement_without_the_portal(signed, revision, client, tmp_path):
    actions.clear(signed, by=None)
    actions.open_release(signed, by=None)
    manual = (settings.BASE_DIR / "docs" / "safety.md").read_text()
    script = manual.partition("```python\n")[2].partition("```")[0]
    told = client.get(f"/releases/falcon/safety/{revision.sign_offs.first().digest}.json")
    (tmp_path / "check.py").write_text(script)
    (tmp_path / "key.pem").write_bytes(client.get(told.json()["public_key"]).content)

    def check(text):
        (tmp_path / "statement.json").write_text(text)
        command = [sys.executable, "check.py", "statement.json", "key.pem"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    good, forged = check(told.text), check(told.text.replace(revision.commit, "0" * 40))

    assert (good.returncode, good.stdout) == (
        0,
        f"release-sign-off/v1 {revision.commit} is what the portal signed.\n",
    )
    assert (forged.returncode, "InvalidSignature" in forged.stderr) == (1, True)
