"""The pages of evaluations in a real browser: accessible, fitting, and graded by the keyboard alone."""

from typing import Any

import pytest
from django.db import transaction
from playwright.sync_api import Page, expect

from playground.evaluations import actions, ending, shipped
from playground.evaluations.models import EvaluationItem, EvaluationRun, ItemStatus, RunStatus, Suite
from portal.accounts.models import User
from portal.releases.models import Revision
from tests import cast
from tests.evaluations.conftest import BY_HAND, PARAMS, case, frozen, serve, suite
from tests.evaluations.test_harness import results
from tests.evaluations.test_pages import finished
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NOWHERE = "http://127.0.0.1:1"
LONG = "a-rather-long-name-without-any-place-to-break-it-" * 2
PAGES = (
    "/console/evaluations/",
    "/console/evaluations/suites/new/",
    "/console/evaluations/suites/refusal/",
    "/console/evaluations/suites/refusal/new/",
    "/console/evaluations/runs/new/",
    "/console/evaluations/import/",
)


@pytest.fixture(autouse=True)
def _keys_of_its_own(settings: Any, tmp_path: Any) -> None:
    settings.STATEMENT_KEYS = tmp_path / "statements"


@pytest.fixture
def eva(db: None) -> User:
    """A release manager."""
    return cast.staff("eva@example.org", "Release managers")


@pytest.fixture
def served(db: None) -> Revision:
    """A revision with a server that nobody asks."""
    return serve(frozen(cast.release()), NOWHERE, name=LONG[:90])


def to_grade(served: Revision, by: User, *, count: int = 2) -> EvaluationRun:
    """A run whose answers wait for a grade."""
    cases = [case(f"c{number}", "Say something kind.", expectation=BY_HAND) for number in range(count)]
    run = actions.start_run(served, suite(*cases, slug="by-hand"), params=PARAMS, concurrency=1, by=by)
    EvaluationItem.objects.filter(run=run).update(
        status=ItemStatus.ANSWERED, text=f"You are kind.\n\n{LONG}", reason="Is it kind?"
    )
    EvaluationRun.objects.filter(pk=run.pk).update(status=RunStatus.GRADING)
    return run


def test_pages_of_suites_are_accessible_and_fit(page: Page, enter: Any, eva: User, served: Revision) -> None:
    enter(page, eva)
    look_at(page, PAGES[0])
    shipped.add_shipped(by=eva)
    finished(served, Suite.objects.get(slug="refusal").versions.get(), eva, scores=(1.0, 0.0, 0.0))

    for path in PAGES:
        look_at(page, path)


def test_pages_of_runs_are_accessible_and_fit(page: Page, enter: Any, eva: User, served: Revision) -> None:
    shipped.add_shipped(by=eva)
    version = Suite.objects.get(slug="refusal").versions.get()
    finished(served, version, eva, scores=(1.0, 0.0))
    done = finished(served, version, eva, scores=(1.0, 0.0, 0.0), text=f"<b>{LONG}</b>\n\nI cannot.")
    waiting = actions.start_run(served, suite(case("a", LONG)), params=PARAMS, concurrency=1, by=eva)
    failed = actions.start_run(served, suite(slug="failing"), params=PARAMS, concurrency=1, by=eva)
    EvaluationItem.objects.filter(run=failed).update(status=ItemStatus.FAILED, error=f"It said {LONG}")
    EvaluationRun.objects.filter(pk=failed.pk).update(
        status=RunStatus.FAILED, ended_at=failed.created_at, error="1 of 1 cases has no answer."
    )
    enter(page, eva)

    for run in (done, waiting, failed, to_grade(served, eva)):
        look_at(page, run.get_absolute_url())
    look_at(page, f"{done.get_absolute_url()}cases/1/")


def test_page_of_a_run_follows_it_to_its_end(page: Page, enter: Any, eva: User, served: Revision) -> None:
    run = actions.start_run(served, suite(), params=PARAMS, concurrency=1, by=eva)
    enter(page, eva)
    page.goto(run.get_absolute_url())
    expect(page.get_by_text("0 of 1 cases")).to_be_visible()

    EvaluationRun.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING)
    EvaluationItem.objects.filter(run=run).update(status=ItemStatus.SCORED, score=1, completion_tokens=7)
    expect(page.get_by_text("1 of 1 cases, 7 tokens written")).to_be_visible()
    with transaction.atomic():
        ending.conclude(EvaluationRun.objects.with_story().get(pk=run.pk), by=eva)

    expect(page.get_by_role("heading", name="Result", exact=True)).to_be_visible()
    expect(page.get_by_text("1 of 1", exact=True)).to_be_visible()


def test_eva_grades_by_the_keyboard_and_takes_a_verdict_back(
    page: Page, enter: Any, eva: User, served: Revision
) -> None:
    run = to_grade(served, eva)
    enter(page, eva)
    look_at(page, "/console/evaluations/grading/")

    page.get_by_label("Note").fill("mmm")
    page.get_by_role("heading", name="Is it kind?").click()
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Take my last verdict back")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("Your last verdict is taken back.")).to_be_visible()
    for _ in range(2):
        left = page.get_by_role("heading", name="Is it kind?")
        expect(left).to_be_visible()
        page.keyboard.press("d")
        page.wait_for_load_state()
    expect(page.get_by_role("heading", name="Nothing waits for a grade")).to_be_visible()

    page.goto(run.get_absolute_url())
    page.get_by_role("button", name="Sign and record the result").click()
    expect(page.get_by_text("The result is signed and recorded.")).to_be_visible()
    assert set(run.items.values_list("score", "grader")) == {(0.0, eva.pk)}


def test_choosing_imported_numbers_is_accessible(
    page: Page, enter: Any, eva: User, served: Revision, tmp_path: Any
) -> None:
    file = tmp_path / "results.json"
    file.write_bytes(results())
    enter(page, eva)
    page.goto("/console/evaluations/import/")
    page.get_by_label("Results file").set_input_files(file)
    page.get_by_label("Revision").select_option(str(served.pk))
    page.get_by_role("button", name="Read the file").click()

    page.get_by_label("hellaswag: acc,none = 0.41 (10,042 samples)").check()
    page.get_by_label("These numbers were measured on exactly this revision's files.").check()
    page.get_by_role("button", name="Sign and record").click()

    expect(page.get_by_text("1 result signed and recorded.")).to_be_visible()
