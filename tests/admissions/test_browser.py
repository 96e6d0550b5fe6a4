"""Applying and reviewing in a real browser: saving while typing, a session that ends, the look of pages."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from portal.accounts.models import User
from portal.accounts.roles import give_role
from portal.admissions import actions
from portal.admissions.bulk import work as bulk_work
from portal.admissions.models import Application, BulkDecision
from portal.admissions.programmes import starter
from portal.admissions.reasons import DeclineReason
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


def look_here(page: Page, name: str) -> None:
    """Check the page as it stands, and keep pictures where PICTURES names a folder."""
    for scheme, size in (("light", DESK), ("dark", PHONE)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        # Colours change by and by, and half-way they would be judged.
        page.wait_for_timeout(400)
        assert_accessible(page)
        assert_fits(page)
        if folder := os.environ.get("PICTURES"):
            # To hide the caret, Playwright would put a style into the page, which its policy refuses.
            page.screenshot(path=Path(folder) / f"{name}-{scheme}.png", caret="initial", full_page=True)


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
    page.get_by_label("Reason, when you decline").select_option("incomplete")
    page.get_by_role("button", name="Decline").click()

    expect(page.get_by_role("alert")).to_contain_text("rolf@example.org was here first")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    expect(page.get_by_text("No room yet.")).to_be_visible()
    expect(page.get_by_label("Message to the applicant")).to_have_value("My careful words")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#messages")).to_contain_text(f"{application.reference} is approved.")
    assert_accessible(page)


def test_ann_appeals_with_the_keyboard_and_another_reviewer_declines_for_good(
    page: Page, enter, programme, ann, rosa
) -> None:
    application = sent_in(programme, ann)
    actions.decline(application, by=rosa, reason=DeclineReason.NOT_VERIFIED)
    enter(page, ann)
    page.goto(URL)
    expect(page.get_by_text("We could not verify who you are")).to_be_visible()

    page.get_by_text("Appeal this decision").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Send the appeal").press("Enter")
    expect(page.get_by_text("Tell us what speaks against the decision.")).to_be_visible()
    look_here(page, "appeal-form")
    page.get_by_label("Why should another reviewer").fill("The institute's page names me.")
    page.get_by_role("button", name="Send the appeal").press("Enter")
    expect(page.get_by_text("We have your appeal.")).to_be_visible()
    look_here(page, "appeal-sent")

    enter(page, cast.staff("rolf@example.org", "Reviewers"))
    page.goto(at(application))
    expect(page.get_by_text("This is an appeal against a decision of rosa@example.org")).to_be_visible()
    page.get_by_role("button", name="Decline").click()
    expect(page.get_by_text("Choose a reason first")).to_be_visible()
    look_here(page, "appeal-review")
    page.get_by_label("Reason, when you decline").select_option("not_verified")
    page.get_by_role("button", name="Decline").click()
    expect(page.locator("#messages")).to_contain_text(f"{application.reference} is declined.")

    enter(page, ann)
    page.goto(URL)
    expect(page.get_by_text("This is the decision on your appeal, and final.")).to_be_visible()
    look_here(page, "appeal-lost")


def test_rosa_decides_on_two_of_three_after_she_has_seen_who_is_touched(
    page: Page, enter, programme, ann, rosa
) -> None:
    people = [ann, cast.person("bea@example.org", name="Bea"), cast.person("cem@example.org", name="Cem")]
    _, bea, cem = [sent_in(programme, one) for one in people]
    enter(page, rosa)
    page.goto("/console/applications/")
    look_here(page, "bulk-queue")
    for one in (bea, cem):
        page.get_by_label(f"Choose {one.reference}").check()
    page.get_by_role("button", name="Decide on those chosen").click()
    page.get_by_role("button", name="See who is touched").click()
    expect(page.get_by_text("Choose what to decide.")).to_be_visible()
    look_here(page, "bulk-choice")
    page.get_by_label("Decline", exact=True).check()
    page.get_by_label("Reason, when you decline").select_option("no_room")
    page.get_by_role("button", name="See who is touched").click()
    expect(page.get_by_text("2 applications will be decided on")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(2)
    look_here(page, "bulk-prepared")

    page.get_by_role("button", name="Decline: all 2").click()
    expect(page.get_by_text("0 of 2, going on.")).to_be_visible()
    look_here(page, "bulk-running")
    bulk_work.carry_out(BulkDecision.objects.get())
    # Without a reload.
    expect(page.get_by_text("2 of 2.")).to_be_visible()
    page.goto(page.url)
    expect(page.get_by_role("cell", name="Decided")).to_have_count(2)
    look_here(page, "bulk-done")


def test_rosa_reviews_with_the_keyboard_alone(page: Page, enter, programme, ann, rosa) -> None:
    people = [ann, cast.person("bea@example.org", name="Bea"), cast.person("cem@example.org", name="Cem")]
    first, second, third = [sent_in(programme, one) for one in people]
    enter(page, rosa)
    page.goto("/console/applications/?status=all")
    page.keyboard.press("?")
    expect(page.get_by_text("Choose it, for a decision on many")).to_be_visible()
    look_here(page, "keys")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_label(f"Choose {second.reference}")).to_be_checked()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=first.reference)).to_be_visible()

    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Approve")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text(f"{first.reference} is approved.")
    following = page.get_by_role("link", name=f"Next one: {second.reference}")
    expect(following).to_be_focused()
    expect(following).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=second.reference)).to_be_visible()
    page.keyboard.press("k")
    expect(page.get_by_role("heading", name="Applications")).to_be_visible()
    page.go_back()
    page.keyboard.press("i")
    page.keyboard.type("janwdx?")
    expect(page.get_by_label("Message to the applicant")).to_have_value("janwdx?")
    page.get_by_role("button", name="Ask a question").press("Enter")
    expect(page.locator("#messages")).to_contain_text(f"{second.reference} waits for the applicant's answer.")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name=third.reference)).to_be_visible()
    page.keyboard.press("d")
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Decline").press("Enter")
    expect(page.locator("#messages")).to_contain_text(f"{third.reference} is declined.")
    third.refresh_from_db()
    assert third.decline_reason == DeclineReason.INCOMPLETE

    page.locator("[data-keys-help] summary").click()
    page.get_by_role("button", name="Keys are on: switch off").click()
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name=third.reference)).to_be_visible()
    expect(page.get_by_role("button", name="Keys are off: switch on")).to_be_visible()


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
