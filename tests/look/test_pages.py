"""Every page of the base layer is accessible and fits, wide in light colours and narrow in dark ones."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from portal.keys import actions, devices
from portal.keys.models import DeviceLogin, Scope
from tests import cast
from tests.look.checks import DESK, PHONE, accessibility_faults, assert_accessible, assert_fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OPEN_PAGES = [
    "/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/login/code/",
    "/accounts/password/reset/",
    "/accounts/confirm-email/",
    "/no/such/page/",
]
OWN_PAGES = [
    "/dashboard/",
    "/keys/",
    "/keys/new/",
    "/keys/LookAtMyPage/change/",
    "/device/",
    "/device/?user_code=BCDFGHJK",
    "/device/?user_code=BBBB-BBBB",
    "/device/allowed/",
    "/device/denied/",
    "/usage/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/sessions/",
    "/accounts/3rdparty/",
    "/accounts/logout/",
]


def look_at(page: Page, path: str) -> None:
    """Open `path` wide and light, then narrow and dark; check both, and keep PICTURES if asked to."""
    for scheme, size in (("light", DESK), ("dark", PHONE)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        page.goto(path)
        assert_accessible(page)
        assert_fits(page)
        if folder := os.environ.get("PICTURES"):
            name = path.strip("/").replace("/", "-") or "front"
            # To hide the caret, Playwright would put a style into the page, which its policy refuses.
            page.screenshot(path=Path(folder) / f"{name}-{scheme}.png", caret="initial", full_page=True)


@pytest.mark.parametrize("path", OPEN_PAGES)
def test_visitor_opens_page_and_it_is_accessible_and_fits(page: Page, path: str) -> None:
    made = cast.release()
    cast.programme(made)
    cast.event(made)

    look_at(page, path)


@pytest.mark.parametrize("path", OWN_PAGES)
def test_applicant_opens_own_page_and_it_is_accessible_and_fits(page: Page, enter, path: str) -> None:
    made = cast.release()
    person = cast.person("grace@example.org")
    cast.application(person, cast.programme(made))
    begun = devices.start(client="hf_hub/2.4.0; python/3.11.7", address="192.0.2.7")
    DeviceLogin.objects.filter(pk=begun.login.pk).update(user_code="BCDFGHJK")
    actions.create(person, name="laptop", scopes=[Scope.WEIGHTS], by=person, public_id="LookAtMyPage")
    enter(page, person)

    look_at(page, path)


def test_visitor_sees_front_page_without_release_or_event(page: Page) -> None:
    page.goto("/")

    expect(page.get_by_text("The first release is being evaluated")).to_be_visible()
    assert_accessible(page)


def test_checker_finds_a_fault_that_is_there(page: Page) -> None:
    page.goto("/accounts/login/")

    page.evaluate("document.querySelector('main').append(new Image())")

    assert any(fault.startswith("image-alt:") for fault in accessibility_faults(page))


def test_visitor_switches_to_dark_and_it_stays(page: Page) -> None:
    page.goto("/")

    page.get_by_role("button", name="Switch to dark colours").click()
    page.goto("/accounts/login/")

    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_visitor_without_script_signs_in_and_opens_the_menu(browser, live_server) -> None:
    cast.person("grace@example.org")
    context = browser.new_context(viewport=PHONE, java_script_enabled=False, base_url=live_server.url)
    page = context.new_page()

    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill("grace@example.org")
    page.get_by_label("Password").fill(cast.PASSWORD)
    page.locator("main").get_by_role("button", name="Sign in").click()
    page.locator(".site-menu summary").click()

    expect(page.get_by_role("navigation", name="Menu").get_by_role("link", name="Dashboard")).to_be_visible()
    context.close()


def test_developer_closes_account_menu_with_escape(page: Page, enter) -> None:
    enter(page, cast.person("grace@example.org"))
    page.goto("/dashboard/")

    page.locator(".account-summary").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()


def test_visitor_copies_a_snippet(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/")

    page.get_by_text("curl", exact=True).click()
    page.locator(".tab-curl").get_by_role("button", name="Copy").click()

    expect(page.locator(".tab-curl").get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl http")
