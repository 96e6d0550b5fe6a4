"""The pages of keys that are limited, unused or over, in a real browser."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.keys import actions, leaks, service_accounts
from portal.keys.leaks import Sighting
from portal.keys.models import DEVELOPER_SCOPES, ApiKey, LeakReport
from tests import cast
from tests.look.checks import assert_accessible
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_ada_limits_a_key_and_sees_what_it_is_limited_to(page: Page, enter: Any) -> None:
    release = cast.release()
    ada = cast.developer("ada@example.org", release)
    old = actions.create(ada, name="old laptop", scopes=DEVELOPER_SCOPES, by=ada).key
    ApiKey.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=200))
    key = actions.create(ada, name="nightly evaluation", scopes=DEVELOPER_SCOPES, by=ada).key
    ApiKey.objects.filter(pk=key.pk).update(
        last_used_at=timezone.now(),
        last_used_address="2001:db8:1234:5678:9abc:def0:1234:5678",
        last_used_client="OpenAI/Python 2.8.1 (a client that has a great deal to say of itself)",
    )
    enter(page, ada)
    look_at(page, "/keys/new/")
    page.goto("/keys/")

    page.get_by_role("link", name="Change nightly evaluation").click()
    page.get_by_label(release.name).check()
    page.get_by_label("Only from these networks").fill("203.0.113.9/24\n2001:db8:1234::/48")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("Only from 203.0.113.0/24, 2001:db8:1234::/48")).to_be_visible()
    expect(page.get_by_text(f"Only for {release.name}")).to_be_visible()
    expect(page.get_by_text("Unused: revoke it?")).to_be_visible()
    look_at(page, "/keys/")
    look_at(page, f"/keys/{key.public_id}/change/")


def test_a_visitor_reports_a_key_and_checks_one(page: Page, live_server: Any) -> None:
    ada = cast.person("ada@example.org")
    token = actions.create(ada, name="nightly evaluation", scopes=DEVELOPER_SCOPES, by=ada).token
    look_at(page, "/keys/leaks/")
    look_at(page, "/keys/check/")
    page.get_by_role("textbox", name="Key").fill(token)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("It is whole: shape")).to_be_visible()

    page.goto("/keys/leaks/")
    page.get_by_label("The key, or the text in which it stands").fill(f"KEY={token}")
    # As people write addresses: a browser's own check would send them away.
    page.get_by_label("Where you saw it").fill("example.org/paste/1")
    page.get_by_role("button", name="Report and revoke").click()

    expect(page.get_by_text("This is your receipt")).to_be_visible()
    assert not ApiKey.objects.live().exists()
    assert LeakReport.objects.get().seen_at_url == "https://example.org/paste/1"


def test_who_revokes_by_keyboard_is_never_lost_at_the_top_of_the_page(page: Page, enter: Any) -> None:
    ada = cast.person("ada@example.org")
    for name in ("laptop", "cluster"):
        actions.create(ada, name=name, scopes=DEVELOPER_SCOPES, by=ada)
    enter(page, ada)
    page.goto("/keys/")
    revoke = page.get_by_role("link", name="Revoke laptop")

    revoke.press("Enter")
    expect(page.get_by_role("button", name="Revoke")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(revoke).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Revoke")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("status").filter(has_text="Revoked")).to_be_focused()
    assert_accessible(page)


def test_a_team_keeps_a_service_account_and_staff_see_its_key(page: Page, enter: Any) -> None:
    release = cast.release()
    ada = cast.developer("ada@example.org", release)
    look_at_empty(page, enter, ada)
    bot = service_accounts.create(ada, name="nightly evaluation", purpose="Scores each checkpoint")
    service_accounts.join(bot, user=cast.developer("grace@example.org", release))
    key = actions.create(ada, name="cluster", scopes=DEVELOPER_SCOPES, by=ada, service_account=bot).key
    base = f"/keys/accounts/{bot.pk}/"
    member = bot.members.get().pk
    for path in (
        "/keys/accounts/",
        base,
        f"{base}close/",
        f"{base}members/{member}/owner/",
        f"{base}members/{member}/remove/",
    ):
        look_at(page, path)
    look_at(page, "/keys/")
    look_at(page, f"/keys/new/?account={bot.pk}")

    enter(page, cast.staff("max@example.org", "Release managers"))
    for path in ("/console/keys/", f"/console/keys/{key.public_id}/", "/console/keys/leaks/"):
        look_at(page, path)
    leaks.report(Sighting("owk_nothing"), reporter="a friend")
    look_at(page, "/console/keys/leaks/")


def look_at_empty(page: Page, enter: Any, person: Any) -> None:
    """Look at the pages of somebody without service accounts."""
    enter(page, person)
    look_at(page, "/keys/accounts/")
    look_at(page, "/keys/accounts/new/")
