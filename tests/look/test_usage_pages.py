"""The pages of usage in a real browser: accessible, fitting, and usable by the keyboard alone."""

import random
import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.accounts.models import User
from portal.keys import actions
from portal.keys.models import DEVELOPER_SCOPES, DailyReleaseUsage, DailyUsage, Limit
from portal.keys.percentiles import BUCKET_COUNT, bucket_of
from tests import cast
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ada(db: None) -> User:
    """Ada with two keys, one of a long name, and three weeks of use."""
    release = cast.release()
    ada = cast.developer("ada@example.org", release)
    Limit.objects.create(user=ada, tokens_per_day=200_000, tokens_total=9_000_000)
    names = ("laptop", "a-rather-long-name-of-a-key-for-the-nightly-evaluation")
    keys = [actions.create(ada, name=name, scopes=DEVELOPER_SCOPES, by=ada).key for name in names]
    dice = random.Random(7)
    for days_ago in range(21):
        counts = [0] * BUCKET_COUNT
        for _ in range(100):
            counts[bucket_of(dice.lognormvariate(5.5, 0.7))] += 1
        asked = dice.randrange(50, 900)
        numbers = {
            "release": release,
            "day": timezone.now().date() - timedelta(days=days_ago),
            "requests_count": asked,
            "failures_count": asked // 9,
            "prompt_tokens_count": asked * 130,
            "completion_tokens_count": asked * 75,
            "first_token_counts": counts,
        }
        DailyUsage.objects.create(key=keys[days_ago % 2], **numbers)
        DailyReleaseUsage.objects.create(**numbers)
    return ada


@pytest.mark.parametrize("path", ["/usage/", "/usage/?days=90", "/usage/?days=8"])
def test_ada_opens_her_usage_and_it_is_accessible_and_fits(
    page: Page, enter: Any, ada: User, path: str
) -> None:
    enter(page, ada)

    look_at(page, path)


def test_ada_reads_a_chart_and_changes_the_period_by_keyboard(page: Page, enter: Any, ada: User) -> None:
    enter(page, ada)
    page.goto("/usage/")

    page.get_by_label("Period").focus()
    page.keyboard.type("7")
    page.get_by_role("button", name="Show").press("Enter")

    expect(page).to_have_url(re.compile("days=7"))
    chart = page.get_by_role("img", name="Requests a day")
    chart.focus()
    expect(chart).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("figure").first.locator("tbody tr")).to_have_count(7)
    expect(page.locator("figure").first.locator("tbody")).to_be_visible()


def test_staff_open_everybodys_usage_and_it_is_accessible_and_fits(page: Page, enter: Any, ada: User) -> None:
    enter(page, cast.staff("milo@example.org", "Release managers"))

    for asked in ("", "?days=90&person=ada@example.org", "?person=nobody@example.org"):
        look_at(page, f"/console/usage/{asked}")
    page.goto("/console/usage/")
    page.get_by_role("textbox", name="Person").fill("ada@example.org")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**person=ada%40example.org**")
    expect(page.get_by_role("link", name="ada@example.org")).to_be_visible()
