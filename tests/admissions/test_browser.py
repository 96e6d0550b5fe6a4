"""Applying and reviewing in a real browser: saving while typing, a session that ends, the look of pages."""

import re

import pytest
from playwright.sync_api import Page, expect

from portal.accounts.models import User
from portal.accounts.roles import give_role
from portal.admissions import actions, starter
from portal.admissions.models import Application
from tests import cast
from tests.admissions.conftest import ANSWERS
from tests.look.checks import DESK, PHONE, assert_accessible, assert_fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
URL = "/apply/early-access/"


@pytest.fixture
def programme():
    made = starter.early_access(by=None)
    made.releases.add(cast.release())
    return made


@pytest.fixture
def ann() -> User:
    return cast.person("ann@example.org", name="Ann Applicant")


@pytest.fixture
def rosa() -> User:
    made = cast.staff("rosa@example.org", "Reviewers")
    give_role(made, role="Auditors")
    return made


def sent_in(programme, person) -> Application:
    return actions.submit(actions.start(programme, by=person), answers=ANSWERS, by=person)


def at(application: Application) -> str:
    return f"/console/applications/{application.reference}/"


def look_at(page: Page, path: str) -> None:
    for scheme, size in (("light", DESK), ("dark", PHONE)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        page.goto(path)
        assert_accessible(page)
        assert_fits(page)


def test_ann_types_loses_her_session_signs_in_elsewhere_and_goes_on(
    page: Page, enter, programme, ann
) -> None:
    enter(page, ann)
    page.goto(URL)
    line = page.locator("#save-state")
    page.get_by_label("What do you want to do").fill("We study summaries.")
    expect(line).to_contain_text(re.compile(r"Saved\s+\d\d:\d\d"))

    page.context.clear_cookies(name="portal_session")
    page.get_by_label("Which organisation").fill("Institute")
    expect(line).to_contain_text("Not saved: your session ended.")
    with page.context.expect_page() as opened:
        line.get_by_role("link", name="Sign in again").click()
    other = opened.value
    other.locator("[name=login]").fill(ann.email)
    other.locator("[name=password]").fill(cast.PASSWORD)
    other.locator("main form button[type=submit]").first.click()
    expect(other.get_by_label("What do you want to do")).to_have_value("We study summaries.")

    page.get_by_label("In which country").select_option("FR")
    expect(line).to_contain_text(re.compile(r"Saved\s+\d\d:\d\d"))
    assert Application.objects.get().answers["organisation"] == "Institute"
    page.get_by_label("Research").check()
    page.get_by_label("I have read the use policy").check()
    page.get_by_role("button", name="Submit the application").click()
    expect(page.get_by_text("Your application has been submitted.")).to_be_visible()


def test_ann_is_told_when_the_connection_is_gone(browser, live_server, enter, programme, ann) -> None:
    # A page without the fixture's watch: here the browser complains, and rightly.
    page = browser.new_page(base_url=live_server.url)
    enter(page, ann)
    page.goto(URL)

    page.route("**/draft/", lambda route: route.abort())
    page.get_by_label("Which organisation").fill("Institute")
    expect(page.locator("#save-state")).to_contain_text("Not saved: no connection.")

    page.unroute("**/draft/")
    page.get_by_label("Which organisation").fill("Institute of Minutes")
    expect(page.locator("#save-state")).to_contain_text("Saved")
    assert Application.objects.get().answers["organisation"] == "Institute of Minutes"
    page.close()


def test_the_second_reviewer_sees_what_the_first_did(page: Page, enter, programme, ann, rosa) -> None:
    application = sent_in(programme, ann)
    enter(page, rosa)
    page.goto(at(application))
    actions.waitlist(application, by=cast.staff("rolf@example.org", "Reviewers"), message="No room yet.")

    page.get_by_label("Message to the applicant").fill("My careful words")
    page.get_by_role("button", name="Decline").click()

    expect(page.get_by_role("alert")).to_contain_text("rolf@example.org was here first")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    expect(page.get_by_text("No room yet.")).to_be_visible()
    expect(page.get_by_label("Message to the applicant")).to_have_value("My careful words")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#messages")).to_contain_text(f"{application.reference} is approved.")
    assert_accessible(page)


@pytest.mark.parametrize("state", ["stranger", "form", "submitted", "information", "declined", "withdraw"])
def test_the_applicants_pages_are_accessible_and_fit(  # noqa: PLR0917 - fixtures
    page: Page, enter, programme, ann, rosa, state
) -> None:
    path = URL
    if state != "stranger":
        enter(page, ann)
    if state not in {"stranger", "form"}:
        application = sent_in(programme, ann)
        path = f"{application.get_absolute_url()}withdraw/" if state == "withdraw" else URL
    if state == "information":
        actions.request_information(application, by=rosa, message="Which minutes?")
    if state == "declined":
        actions.decline(application, by=rosa, message="Tell us more.")

    look_at(page, path)


@pytest.mark.parametrize("name", ["home", "queue", "empty", "application", "ledger"])
def test_the_consoles_pages_are_accessible_and_fit(  # noqa: PLR0917 - fixtures
    page: Page, enter, programme, ann, rosa, name
) -> None:
    application = sent_in(programme, ann)
    enter(page, rosa)
    paths = {
        "home": "/console/",
        "queue": "/console/applications/",
        "empty": "/console/applications/?q=nobody",
        "application": at(application),
        "ledger": "/console/ledger/",
    }

    look_at(page, paths[name])
