"""Grading by hand: blind, one answer at a time, once, and taken back by whoever gave the verdict."""

import json

import pytest

from playground.evaluations import actions, grading
from playground.evaluations.models import EvaluationItem, EvaluationRun, ItemStatus, RunStatus, Verdict
from portal.common.refusals import Refusal
from portal.common.transitions import LostRace
from portal.ledger.models import Entry
from portal.releases.models import Evaluation
from tests import cast
from tests.conftest import signed_in
from tests.evaluations.conftest import BY_HAND, PARAMS, case, serve, suite

pytestmark = pytest.mark.django_db

PAGE = "/console/evaluations/grading/"


@pytest.fixture
def run(revision, eva) -> EvaluationRun:
    """A run of which three answers wait for a grade."""
    made = actions.start_run(
        serve(revision, "http://127.0.0.1:1"),
        suite(*(case(f"c{number}", expectation=BY_HAND) for number in range(3))),
        params=PARAMS,
        concurrency=1,
        by=eva,
    )
    for item in made.items.all():
        EvaluationItem.objects.filter(pk=item.pk).update(
            status=ItemStatus.ANSWERED, text=f"The answer to {item.case.case_id} <b>", reason="Is it kind?"
        )
    EvaluationRun.objects.filter(pk=made.pk).update(status=RunStatus.GRADING)
    made.refresh_from_db()
    return made


@pytest.fixture
def sam(db):
    """A safety officer."""
    return cast.staff("sam@example.org", "Safety officers")


def test_page_shows_prompt_and_answer_and_nothing_of_the_revision(as_eva, run):
    said = as_eva.get(PAGE).content.decode()

    item = grading.next_answer()
    assert f"The answer to {item.case.case_id} &lt;b&gt;" in said
    assert ("words=2" in said, "Is it kind?" in said, "0%" in said or "0 %" in said) == (True, True, True)
    secrets = (str(run.pk), run.commit[:12], run.revision.release.name, "tiny-served", "127.0.0.1:1")
    assert [secret for secret in secrets if secret in said] == []


def test_grader_gives_verdicts_until_none_waits_and_then_the_result_is_recorded(as_eva, run, eva):
    for verdict in ("meets", "fails", "meets"):
        pk = grading.next_answer().pk
        assert as_eva.post(f"{PAGE}{pk}/", {"verdict": verdict, "note": " well "}).url == PAGE
    empty = as_eva.get(PAGE).content.decode()

    answer = as_eva.post(f"/console/evaluations/runs/{run.pk}/record/")

    run.refresh_from_db()
    assert "Nothing waits for a grade" in empty
    assert (answer.status_code, run.status, run.result["met"], run.result["total"]) == (302, "done", 2, 3)
    facts = json.loads(run.evaluation.statement)["facts"]
    assert (facts["graded_by_hand"], facts["graders"]) == (3, 1)
    assert set(run.items.values_list("grader", "note")) == {(eva.pk, "well")}
    assert Entry.objects.filter(verb="evaluation_run.answer_graded", actor_id=eva.pk).count() == 3


def test_verdict_is_taken_back_by_its_grader_only_and_until_the_result_is_recorded(as_eva, run, eva, sam):
    item = grading.next_answer()
    grading.grade(item, verdict=Verdict.FAILS, note="no", by=eva)
    with pytest.raises(Refusal, match="no verdict of yours"):
        grading.undo(by=sam)

    said = as_eva.post(f"{PAGE}undo/", follow=True).content.decode()
    item.refresh_from_db()
    back = (item.status, item.score, item.grader, item.note)
    for other in run.items.all():
        grading.grade(other, verdict=Verdict.MEETS, by=eva)
    actions.record_result(run, by=sam)

    assert f"The answer to {item.case.case_id}" in said
    assert back == ("answered", None, None, "")
    assert as_eva.post(f"{PAGE}undo/").status_code == 409
    assert Evaluation.objects.get().recorded_by == sam


def test_page_of_an_answer_that_does_not_wait_shows_another(as_eva, run, eva):
    item = grading.next_answer()
    grading.grade(item, verdict=Verdict.MEETS, by=eva)

    for again in (str(item.pk), "x", "%00"):
        said = as_eva.get(f"{PAGE}?again={again}").content.decode()
        assert f"The answer to {grading.next_answer().case.case_id}" in said


def test_answer_is_graded_once(as_eva, run, eva, sam):
    item = grading.next_answer()
    grading.grade(item, verdict=Verdict.MEETS, by=sam)

    with pytest.raises(LostRace):
        grading.grade(item, verdict=Verdict.FAILS, by=eva)
    answer = as_eva.post(f"{PAGE}{item.pk}/", {"verdict": "fails"}, follow=True)

    item.refresh_from_db()
    assert (item.score, item.grader) == (1, sam)
    assert "Somebody else graded that answer a moment ago." in answer.content.decode()


def test_answer_without_a_verdict_is_asked_for_again_with_its_note(as_eva, run):
    item = grading.next_answer()

    answer = as_eva.post(f"{PAGE}{item.pk}/", {"note": "Rather rude."})

    said = answer.content.decode()
    assert answer.status_code == 422
    assert "Say whether the answer meets the expectation." in said
    assert "Rather rude." in said


def test_answers_of_a_cancelled_run_are_not_graded(run, eva):
    item = grading.next_answer()
    actions.cancel(run, by=eva)

    assert grading.next_answer() is None
    with pytest.raises(LostRace):
        grading.grade(item, verdict=Verdict.MEETS, by=eva)


def test_safety_officer_grades_and_mallory_does_not(run, sam, as_mallory, as_rosa):
    item = grading.next_answer()

    assert signed_in(sam).post(f"{PAGE}{item.pk}/", {"verdict": "meets"}).status_code == 302
    for browser in (as_mallory, as_rosa):
        assert browser.get(PAGE).status_code == 403
        assert browser.post(f"{PAGE}{item.pk}/", {"verdict": "meets"}).status_code == 403
        assert browser.post(f"{PAGE}undo/").status_code == 403
