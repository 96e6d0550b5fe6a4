"""The pages of waves in a real browser: accessible and fitting, from the empty list to the proof."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page

from portal.admissions.waves import work as wave_work
from portal.keys import actions
from portal.keys.models import DailyUsage, Scope
from tests import cast
from tests.admissions.waiting import due, planned, waiting
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_empty_list_and_a_preview_of_nobody_are_accessible_and_fit(page: Page, enter: Any) -> None:
    rosa = cast.staff("rosa@example.org", "Reviewers")
    enter(page, rosa)
    look_at(page, "/console/waves/")
    look_at(page, "/console/waves/new/")

    look_at(page, planned(cast.programme(cast.release()), rosa).get_absolute_url())


def test_a_reviewer_opens_waves_at_each_stage_and_they_are_accessible_and_fit(page: Page, enter: Any) -> None:
    release = cast.release()
    ada = cast.developer("a-developer-with-a-rather-long-address@example.org", release)
    key = actions.create(ada, name="calls", scopes=[Scope.INFERENCE], by=ada).key
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    DailyUsage.objects.create(key=key, release=release, day=yesterday, completion_tokens_count=765_432)
    programme, rosa = release.programmes.get(), cast.staff("rosa@example.org", "Reviewers")
    crowd = waiting(programme, 5.0, 4.0, 4.0, None, name="an-applicant-with-a-rather-long-address-")
    drawn = due(programme, rosa, size=1)
    wave_work.draw(drawn)
    enter(page, rosa)
    look_at(page, drawn.get_absolute_url())
    wave_work.admit(drawn)
    waits = planned(programme, rosa, size=2, percent=40)

    for path in ("/console/waves/", drawn.get_absolute_url(), waits.get_absolute_url()):
        look_at(page, path)

    enter(page, crowd[0].applicant)
    look_at(page, crowd[0].get_absolute_url())
