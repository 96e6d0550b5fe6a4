"""Applying and reviewing in a real browser without a mouse."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portal.admissions import actions
from portal.admissions.models import Application, ApplicationStatus, Criterion
from portal.admissions.programmes import starter
from tests import cast
from tests.admissions.conftest import ANSWERS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TABS_AT_MOST = 60


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(TABS_AT_MOST):
        if page.locator(f"{selector}:focus").count():
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached by Tab")


def test_an_applicant_applies_writes_and_withdraws_by_keyboard(page: Page, enter: Any) -> None:
    programme = starter.early_access(by=None)
    programme.questions.filter(code="organisation").update(
        shown_if_code="intended_use", shown_if_answer="Teaching", position=9
    )
    ann = cast.person("ann@example.org")
    enter(page, ann)
    page.goto("/apply/early-access/")

    tab_to(page, "[name=answer-use_case]")
    page.keyboard.type("We study summaries.")
    tab_to(page, "[name=answer-country]")
    page.keyboard.type("Germany")
    expect(page.locator("[name=answer-organisation]")).to_be_hidden()
    tab_to(page, "[name=answer-intended_use]")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(page.locator("[name=answer-organisation]")).to_be_visible()
    tab_to(page, "[name=answer-use_policy]")
    page.keyboard.press("Space")
    tab_to(page, "[name=answer-organisation]")
    page.keyboard.type("Institute")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your application has been submitted.")).to_be_visible()

    tab_to(page, "summary:has-text('Write to the reviewers')")
    page.keyboard.press("Enter")
    tab_to(page, "[name=message]")
    page.keyboard.type("My lab moved.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".timeline-body").get_by_text("My lab moved.")).to_be_visible()

    tab_to(page, "a:has-text('Withdraw the application')")
    page.keyboard.press("Enter")
    tab_to(page, "button:has-text('Withdraw it')")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your application is withdrawn.")).to_be_visible()
    made = Application.objects.get()
    assert (made.status, made.answers["organisation"], made.answers["intended_use"]) == (
        ApplicationStatus.WITHDRAWN,
        "Institute",
        "Teaching",
    )


def test_a_reviewer_claims_scores_and_decides_by_keyboard(page: Page, enter: Any) -> None:
    programme = starter.early_access(by=None)
    criterion = Criterion.objects.create(programme=programme, label="Merit")
    for name in ("ann", "bea"):
        person = cast.person(f"{name}@example.org")
        actions.submit(actions.start(programme, by=person), answers=ANSWERS, by=person)
    enter(page, cast.staff("rosa@example.org", "Reviewers"))
    page.goto("/console/applications/")

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("REQ-")
    tab_to(page, "[data-claim]")
    page.keyboard.press("Enter")
    expect(page.get_by_text("is yours for now.")).to_be_visible()
    tab_to(page, f"[name=score-{criterion.pk}]")
    page.keyboard.type("4")
    tab_to(page, "button:has-text('Keep my scores')")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Scores: 4.0")).to_be_visible()
    page.locator("body").press("a")
    page.keyboard.press("Enter")
    expect(page.get_by_text("is approved.")).to_be_visible()
    page.locator("body").press("j")

    expect(page.locator("#applicant-title + dl")).to_contain_text("bea@example.org")
    first, second = Application.objects.order_by("pk")
    assert (first.status, first.score, second.status) == ("approved", 4.0, "submitted")
