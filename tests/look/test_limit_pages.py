"""The console's pages of limits in a real browser: accessible and fitting."""

from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page

from portal.keys import actions
from portal.keys.models import DailyUsage, Limit, Scope
from tests import cast
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_release_manager_opens_the_pages_and_they_are_accessible_and_fit(page: Page, enter: Any) -> None:
    release = cast.release()
    ada = cast.developer("a-developer-with-a-rather-long-address@example.org", release)
    key = actions.create(ada, name="calls", scopes=[Scope.INFERENCE], by=ada).key
    today = datetime.now(UTC).date()
    DailyUsage.objects.create(key=key, release=release, day=today, completion_tokens_count=765_432)
    together = Limit.objects.create(release=release, tokens_per_day=1_000_000, requests_per_minute=100)
    each = Limit.objects.create(release=release, for_each_person=True, tokens_total=5_000_000)
    enter(page, cast.staff("milo@example.org", "Release managers"))

    for path in ("", f"{together.pk}/", f"{each.pk}/", "new/release/", "new/user/"):
        look_at(page, f"/console/limits/{path}")


def test_the_empty_list_is_accessible_and_fits(page: Page, enter: Any) -> None:
    enter(page, cast.staff("milo@example.org", "Release managers"))

    look_at(page, "/console/limits/")
