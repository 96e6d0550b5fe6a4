"""The pages of keys that are limited, unused or over, in a real browser."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.keys import actions
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
