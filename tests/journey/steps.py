"""The steps of the journey, as a person takes them in a browser."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

DEMO_PASSWORD = "open-weights-demo"
NEW_PASSWORD = "a-fine-long-password"
SLOW_MS = 60_000


def sign_up(page: Page, url: str, *, email: str, name: str) -> None:
    """Sign up and follow the link of the mail that a worker wrote to a file."""
    page.goto(f"{url}/accounts/signup/")
    page.get_by_label("Full name").fill(name)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url("**/accounts/confirm-email/")
    open_mail(page, url, to=email)
    page.goto(str(page.locator("a[href*='/accounts/confirm-email/']").first.get_attribute("href")))
    page.locator("main form button[type=submit]").click()
    page.wait_for_url(lambda now: "confirm-email" not in now)


def open_mail(page: Page, url: str, *, to: str, subject: str = "") -> None:
    """Open the newest message to `to`, waiting for the worker to deliver it."""
    message = page.locator("main li, main tr").filter(has_text=to).filter(has_text=subject).first
    for _ in range(40):
        page.goto(f"{url}/dev/mail/")
        if message.count():
            break
        page.wait_for_timeout(500)
    message.get_by_role("link").first.click()


def sign_in(page: Page, url: str, *, email: str, password: str = DEMO_PASSWORD) -> None:
    """Sign in by password."""
    page.goto(f"{url}/accounts/login/")
    page.locator("[name=login]").fill(email)
    page.locator("[name=password]").fill(password)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url("**/dashboard/")


def apply(page: Page, url: str) -> str:
    """Apply to the early-access programme; return the reference."""
    page.goto(f"{url}/apply/early-access/")
    page.locator("[name=answer-use_case]").fill("Summarising public meetings on a laptop.")
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")
    page.reload()
    expect(page.locator("[name=answer-use_case]")).to_have_value("Summarising public meetings on a laptop.")
    page.locator("[name=answer-organisation]").fill("Example Institute")
    page.locator("select[name=answer-country]").select_option("DE")
    intended_use = page.locator("[name=answer-intended_use]")
    if intended_use.first.evaluate("field => field.tagName") == "SELECT":
        intended_use.select_option(index=1)
    else:
        intended_use.first.check()
    page.locator("[name=answer-use_policy]").check()
    page.get_by_role("button", name="Submit the application").click()
    expect(page.locator("main")).to_contain_text("Submitted")
    return re.search(r"REQ-[0-9A-Z]+", page.content()).group()


def approve(page: Page, url: str, *, reference: str, message: str) -> None:
    """Approve an application in the console."""
    page.goto(f"{url}/console/applications/")
    page.locator("tr", has_text=reference).get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text("Summarising public meetings")
    page.get_by_label("Message").fill(message)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#review")).to_contain_text("Approved")


def accept_licence(page: Page, url: str) -> None:
    """Accept the licence in force."""
    page.goto(f"{url}/licences/open-weights-licence/")
    page.locator("main form input[type=checkbox]").check()
    page.locator("main form button[type=submit]").click()
    expect(page.locator("main")).to_contain_text("You accepted")


def make_key(page: Page, url: str, *, name: str) -> str:
    """Make an API key with both scopes; return it."""
    page.goto(f"{url}/keys/new/")
    page.locator("[name=name]").fill(name)
    for box in page.locator("input[name=scopes]").all():
        box.check()
    page.locator("main form button[type=submit]").click()
    expect(page.locator("main")).to_contain_text("owk_")
    return re.search(r"owk_[0-9A-Za-z]+_[0-9A-Za-z]+", page.content()).group()


def path_of(url: str) -> str:
    """The path of an address."""
    return urlsplit(url).path
