"""The console's page of feedback, and the one that serves a revision, in a real browser."""

import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from playground import actions
from playground.actions import Column, Outcome
from playground.comparing import answers_of
from playground.models import Generation, Verdict
from portal.accounts.models import User
from portal.releases.models import Release, Revision
from tests import cast
from tests.look.checks import PHONE, assert_accessible, assert_fits
from tests.playground.conftest import wish

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DESK = {"width": 1440, "height": 900}
LONG = "A rather long answer, with averyveryverylongwordthathasnoendatall" * 3


@pytest.fixture
def milo(db: None) -> User:
    """A release manager, and what Ada said of a dozen answers."""
    release, other = cast.release(), cast.release("zephyr-with-a-longer-name")
    ada = cast.developer("ada@example.org", release)
    cast.developer("berta@example.org", other)
    cast.accept(ada, other)
    release.programmes.first().releases.add(other)
    for number in range(25):
        answer = actions.send(wish(f"Question {number}?"), by=ada, release=release)
        actions.finish(actions.begin(answer.pk), Outcome(text=LONG, finish_reason="stop"))
        answer.refresh_from_db()
        said = {"tags": ["wrong", "made_up"], "comment": "Not at all.", "correction": "A better one."}
        actions.give_feedback(answer, by=ada, rating=1 if number % 3 else -1, **said)
    for number in range(5):
        _compare(ada, release, other, winner=number % 2)
    Revision.objects.create(release=release, name="next", commit="a" * 40, total_bytes=1)
    return cast.staff("milo@example.org", "Release managers")


def _compare(ada: User, *releases: Release, winner: int) -> None:
    columns = [Column(one, None, {"temperature": 0.7, "max_tokens": 100}) for one in releases]
    made = actions.compare(columns, prompt="Why?", token=uuid4(), is_blind=True, by=ada)
    for answer in Generation.objects.live():
        actions.finish(actions.begin(answer.pk), Outcome(text=f"From {answer.pk}", finish_reason="stop"))
    answers = answers_of(made, 0)
    verdict = Verdict.ONE_IS_BETTER
    actions.vote(made, round_number=0, answers=answers, verdict=verdict, winner=answers[winner])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_staff_read_feedback_and_it_is_accessible_and_fits(
    page: Page, enter: Any, milo: User, scheme: Any, size: Any
) -> None:
    enter(page, milo)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)

    revision = f"/console/releases/tiny/revisions/{'a' * 40}/serve/"
    addresses = {"all": "/console/feedback/", "none": "/console/feedback/?tag=unsafe"}
    addresses |= {"file": "/console/feedback/preferences/", "serve": revision}
    for name, address in addresses.items():
        page.goto(address)
        if name == "all":
            page.locator(".feedback-list summary").first.click()
        assert_accessible(page)
        assert_fits(page)
        if folder := os.environ.get("PICTURES"):
            picture = Path(folder) / f"console-feedback-{name}-{size['width']}-{scheme}.png"
            page.screenshot(path=picture, full_page=True, caret="initial")


def test_milo_takes_the_file_and_walks_on(page: Page, enter: Any, milo: User) -> None:
    enter(page, milo)
    page.goto("/console/feedback/")

    page.get_by_role("link", name="Export preferences").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the file").click()

    assert download.value.suggested_filename.startswith("preferences-")
    assert len(Path(download.value.path()).read_text().splitlines()) == 30
    page.get_by_role("link", name="Feedback").last.click()
    page.get_by_role("link", name="Next page").click()
    expect(page.locator(".feedback-list > li")).to_have_count(5)
