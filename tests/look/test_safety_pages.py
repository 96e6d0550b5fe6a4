"""The pages of the safety gate in a real browser, and the way to an open release by keyboard."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portal.accounts.models import User
from portal.releases import actions
from portal.releases.models import Release, ReleaseStatus, Revision
from portal.releases.safety import evaluations, pausing, requirements
from tests import cast
from tests.look.test_pages import look_at
from tests.safety import cleared

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def olga(db: None) -> User:
    return cast.staff("olga@example.org", cleared.OFFICER)


@pytest.fixture
def draft(db: None) -> Release:
    """A release in evaluation under a policy that demands everything there is to demand."""
    made = cast.release("falcon", status=ReleaseStatus.EVALUATING)
    cast.policy(cleared.terms_with_report())
    return made


@pytest.fixture
def revision(draft: Release, olga: User) -> Revision:
    """Its weights with good, bad and withdrawn results, a report, one signature and a demand of its own."""
    made = cleared.freeze(draft)
    leaked = cleared.evaluate(made, 0.4, suite="over-refusal-in-several-languages-and-registers")
    evaluations.withdraw(leaked, reason="The prompts had leaked into the training data.", by=None)
    cleared.evaluate(made)
    evaluations.record_report(made, cleared.REPORT, by=None)
    cleared.sign_as(cleared.MANAGER, made, cast.staff("remy@example.org", cleared.MANAGER))
    asked = {"suite": "regressions-falcon", "metric": "pass_rate", "threshold": 1}
    requirements.require(draft, **asked, reason="REP-7K2M9", by=None)
    return made


@pytest.mark.parametrize(
    "path",
    [
        "/console/safety/",
        "/console/safety/policy/",
        "/console/releases/falcon/safety/",
        "/console/releases/falcon/safety/{}/report/",
        "/console/releases/falcon/clear/",
        "/console/releases/falcon/pause/",
    ],
)
def test_staff_see_how_a_release_stands(
    page: Page, enter: Any, revision: Revision, olga: User, path: str
) -> None:
    cast.give_role(olga, role=cleared.MANAGER)
    enter(page, olga)

    look_at(page, path.format(revision.commit))


def test_everybody_reads_what_a_paused_release_rests_on(page: Page, revision: Revision, olga: User) -> None:
    categories = [{"category": name, "met": met, "total": 14} for name, met in (("cyber", 14), ("fraud", 13))]
    cleared.evaluate(revision, 0.964286, facts={"categories": categories})
    cleared.evaluate(revision, 0.2, suite="lm-eval/hellaswag", metrics={"acc": 0.2, "acc_norm": 0.25})
    cleared.sign_as(cleared.OFFICER, revision, olga)
    actions.clear(revision.release, by=None)
    actions.open_release(revision.release, by=None)
    pausing.pause(revision.release, reason="A report of unsafe output is being looked into.", by=None)

    look_at(page, "/releases/falcon/")
    look_at(page, "/releases/falcon/safety/")


def test_a_safety_officer_signs_by_keyboard_and_nothing_stands_in_the_way(
    page: Page, enter: Any, revision: Revision, olga: User
) -> None:
    enter(page, olga)
    page.goto("/console/safety/")
    page.get_by_role("link", name="Falcon").click()
    expect(page.get_by_text("It is not signed off by Safety officers yet.")).to_be_visible()

    page.get_by_label("I have read the evaluations").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_text(f"You signed for {revision.commit[:12]} as Safety officers.")).to_be_visible()
    expect(page.get_by_text("Clear", exact=True)).to_be_visible()
