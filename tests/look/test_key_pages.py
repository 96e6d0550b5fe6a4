"""The pages of keys that are limited, unused or over, in a real browser."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.keys import actions, leaks, service_accounts
from portal.keys.leaks import Sighting
from portal.keys.models import DEVELOPER_SCOPES, ApiKey
from tests import cast
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
    page.get_by_role("button", name="Report and revoke").click()

    expect(page.get_by_text("This is your receipt")).to_be_visible()
    assert not ApiKey.objects.live().exists()


def test_a_team_keeps_a_service_account_and_staff_see_its_key(page: Page, enter: Any) -> None:
    release = cast.release()
    ada = cast.developer("ada@example.org", release)
    look_at_empty(page, enter, ada)
    bot = service_accounts.create(ada, name="nightly evaluation", purpose="Scores each checkpoint")
    service_accounts.join(bot, user=cast.developer("grace@example.org", release))
    key = actions.create(ada, name="cluster", scopes=DEVELOPER_SCOPES, by=ada, service_account=bot).key
    base = f"/keys/accounts/{bot.pk}/"
    member = bot.members.get().pk
    for path in ("/keys/accounts/", base, f"{base}close/", f"{base}members/{member}/owner/", "/keys/"):
        look_at(page, path)
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
