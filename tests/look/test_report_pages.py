"""The pages of reports in a real browser: accessible and fitting, and the way from an answer to a case."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from playground.models import Generation
from playground.reporting import actions
from playground.reporting.models import Category, RegressionCase, Report, ReportStatus
from portal.accounts.models import User
from tests import cast
from tests.look.checks import DESK, PHONE, assert_accessible, assert_fits
from tests.look.test_pages import look_at
from tests.reports.conftest import answered, revision, told

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG = "Take averyveryverylongwordthathasnoendatall" * 3


@pytest.fixture
def ada(db: None) -> User:
    """A developer with an answer that she may report."""
    release = cast.release("zephyr-with-a-longer-name")
    revision(release, "a" * 40)
    ada = cast.developer("a-developer-with-a-rather-long-address@example.org", release)
    answered(ada, release, prompt=LONG, text=LONG, system_prompt="Be brief.")
    return ada


@pytest.fixture
def tess(db: None) -> User:
    """A safety officer."""
    return cast.staff("tess@example.org", "Safety officers")


def report_of(ada: User, **changes: Any) -> Report:
    answer = Generation.objects.with_story().first()
    return actions.report_answer(answer, told(description=LONG, **changes), may_read=True, by=ada)


def test_a_developers_pages_are_accessible_and_fit(page: Page, enter: Any, ada: User, tess: User) -> None:
    enter(page, ada)
    look_at(page, "/reports/")
    look_at(page, "/reports/new/")
    look_at(page, f"/playground/generations/{Generation.objects.get().pk}/report/")
    report = report_of(ada)
    look_at(page, "/reports/")
    look_at(page, report.get_absolute_url())
    actions.write_to_reporter(report, by=tess, message="Thank you. With which settings?")
    actions.accept(report, by=tess)
    actions.mark_fixed(report, revision=revision(report.release, "b" * 40), by=None)

    look_at(page, report.get_absolute_url())


def test_a_form_that_was_wrong_is_accessible_and_fits(page: Page, enter: Any, ada: User) -> None:
    enter(page, ada)
    page.goto("/reports/new/")
    page.get_by_role("button", name="Send the report").click()

    expect(page.get_by_text("Say what happened, in a sentence or two.")).to_be_visible()
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        assert_accessible(page)
        assert_fits(page)


def test_staffs_pages_are_accessible_and_fit(page: Page, enter: Any, ada: User, tess: User) -> None:
    enter(page, tess)
    look_at(page, "/console/reports/")
    look_at(page, "/console/reports/cases/")
    reports = [
        report_of(ada, category=category, severity=1 + number % 4) for number, category in enumerate(Category)
    ]
    path = f"/console/reports/{reports[0].reference}/"
    look_at(page, path)
    actions.write_to_staff(reports[0], by=ada, message="Once more.")
    actions.accept(reports[0], by=tess, message="Indeed.")
    actions.assign(reports[1], to=tess, by=tess)
    look_at(page, f"{path}case/")
    case = actions.make_case(
        reports[0], by=tess, messages=[{"role": "user", "content": "Hi"}], expectation={"type": "refusal"}
    )
    actions.take_outcomes(revision(case.release, "b" * 40), {case.case_id: False})

    for address in (
        path,
        f"{path}pause/",
        "/console/",
        "/console/reports/",
        "/console/reports/cases/?release=zephyr-with-a-longer-name",
        "/console/reports/rates/",
    ):
        look_at(page, address)
    actions.pause_release(reports[0], reason="It helps burglars.", by=tess)
    look_at(page, path)


def test_from_an_answer_to_a_regression_case(
    page: Page, enter: Any, ada: User, tess: User, live_server: Any
) -> None:
    answer = Generation.objects.with_story().get()
    enter(page, ada)
    page.goto(answer.turn.conversation.get_absolute_url())
    page.get_by_role("link", name="Report", exact=True).click()
    page.get_by_label("What is it about").select_option("weapons")
    page.get_by_label("High: gives real help to do harm").check()
    page.get_by_label("What happened").fill("It told me how.")
    page.get_by_label("Staff may read this answer").check()
    page.get_by_role("button", name="Send the report").click()
    expect(page.get_by_text(re.compile(r"Your report is REP-\w{8}"))).to_be_visible()

    enter(page, tess)
    page.goto("/console/reports/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What was reported")).to_be_visible()
    page.get_by_role("button", name="Look into it").click()
    expect(page.get_by_text("Its reporter is told.")).to_be_visible()
    page.keyboard.press("i")
    expect(page.get_by_label("Message to the reporter")).to_be_focused()
    page.get_by_label("Message to the reporter").fill("Indeed.")
    page.get_by_role("button", name="Accept").click()
    page.get_by_role("link", name="Make a regression case").click()
    expect(page.get_by_label("Messages")).to_have_value(re.compile("averylongword|averyvery"))
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / "report-case.png", full_page=True, caret="initial")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#case-trial")).to_contain_text("It fails. Why: does not refuse")
    page.get_by_label("An answer to try it on").fill("I cannot help with that.")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#case-trial")).to_contain_text("It passes.")
    assert_accessible(page)
    page.get_by_role("button", name="Keep the case").click()
    expect(page.get_by_text("Every later revision is asked it.")).to_be_visible()

    case = RegressionCase.objects.get()
    assert case.expectation == {"type": "refusal"}
    assert case.report.status == ReportStatus.ACCEPTED
    assert case.messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": LONG},
    ]
