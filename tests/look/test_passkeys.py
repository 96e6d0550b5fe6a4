"""Passkeys and the authenticator app work in a real browser under the strict policy."""

import base64
import hashlib
import hmac
import struct
import time

import pytest
from playwright.sync_api import Page, expect

from tests import cast
from tests.look.checks import assert_accessible

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(autouse=True)
def _insecure_origin_allowed(settings) -> None:
    """The test server speaks http on localhost, as a development server does."""
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True


def code_now(secret: str) -> str:
    """The six digits that an authenticator app shows (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def sign_in(page: Page, email: str) -> None:
    """Walk through the sign-in form and wait for the answer."""
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(cast.PASSWORD)
    with page.expect_navigation():
        page.locator("main").get_by_role("button", name="Sign in").click()


def sign_out(page: Page) -> None:
    """Walk through the sign-out form and wait for the answer."""
    page.goto("/accounts/logout/")
    with page.expect_navigation():
        page.locator("main").get_by_role("button", name="Sign out").click()


def confirm_identity(page: Page) -> None:
    """Give the password again, which every change of the ways to sign in asks for."""
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Password").fill(cast.PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Confirm").click()


@pytest.fixture
def page(page: Page) -> Page:
    """The page, with an authenticator built into its browser that always says yes."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return page


def test_developer_adds_passkey_and_signs_in_with_it(page: Page) -> None:
    cast.person("grace@example.org")
    sign_in(page, "grace@example.org")

    page.goto("/accounts/2fa/webauthn/add/")
    confirm_identity(page)
    page.get_by_label("Name").fill("Laptop")
    page.get_by_label("Sign in with this key alone").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert_accessible(page)
    page.goto("/accounts/2fa/webauthn/")
    expect(page.get_by_role("cell", name="Laptop")).to_be_visible()
    assert_accessible(page)
    sign_out(page)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Use a passkey").click()

    expect(page.get_by_role("heading", name="Hello, Grace")).to_be_visible()


def test_developer_turns_on_the_app_and_is_asked_for_its_code(page: Page) -> None:
    cast.person("grace@example.org")
    sign_in(page, "grace@example.org")

    page.goto("/accounts/2fa/totp/activate/")
    confirm_identity(page)
    secret = page.get_by_label("The same as text").input_value()
    assert_accessible(page)
    page.get_by_label("Six-digit code").fill(code_now(secret))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("The authenticator app is on.")).to_be_visible()
    sign_out(page)
    sign_in(page, "grace@example.org")

    expect(page.get_by_role("heading", name="Two-step sign-in")).to_be_visible()
    assert_accessible(page)


def test_stranger_with_a_wrong_password_is_told_what_to_do(page: Page) -> None:
    sign_in(page, "nobody@example.org")

    expect(page.get_by_role("alert")).to_contain_text("Check both, or have a sign-in code sent to you.")
    assert_accessible(page)
