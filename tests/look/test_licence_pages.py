"""The pages of licences in a real browser: accessible and fitting, in every state that they have."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from portal.licensing import actions
from portal.licensing.models import Licence
from tests import cast
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TEXT = """# Licence

You may use, copy, modify and build upon the Materials, for research and for commercial purposes, anywhere.

## Passing on

You may give the Materials to others if you pass on a copy of this licence.

## Warranty

There is none.
"""
TERMS = {
    "commercial_use_note": "For any purpose, without a fee.",
    "monthly_users_max": 700_000_000,
    "derivative_prefix": "OpenWeights-",
    "use_limits": [
        "Weapons, or planning an attack on people or on what they depend on.",
        "Watching or identifying people without a lawful reason.",
    ],
    "spdx": "LicenseRef-OpenWeights-with-a-rather-long-name-2.0",
    "grace_days": 12,
    "changes": "Weapons are named, and large services need another licence.",
}


def publish(licence: Licence, number: str, text: str, **terms: Any) -> None:
    """One more version, at once or at the time `at`."""
    at = terms.pop("at", None)
    draft = actions.draft_version(licence, number=number, text=text, **terms)
    actions.publish_version(draft, by=None, at=at)


def a_licence(holder: cast.User) -> Licence:
    """A licence of which `holder` accepted the first version, with another in force and a third to come."""
    licence = actions.create_licence(slug="open-weights", name="Open Weights Licence", by=None)
    publish(licence, "1.0", TEXT)
    current = licence.current_version()
    assert current is not None
    actions.accept(licence, by=holder, sha256=current.sha256, client="Mozilla/5.0 (X11; Linux x86_64)")
    publish(licence, "2.0", TEXT.replace("for research and for commercial", "for peaceful"), **TERMS)
    later = timezone.now() + timedelta(days=20)
    publish(licence, "2.1", TEXT.replace("none", "none at all"), at=later, reacceptance="nobody", **TERMS)
    return licence


def test_ada_looks_at_a_licence_its_changes_and_her_receipts(
    page: Page, enter: Any, settings: Any, tmp_path: Path
) -> None:
    settings.STATEMENT_KEYS = tmp_path / "statements"
    ada = cast.person("ada-with-a-rather-long-address@example.org", name="Ada Lovelace")
    licence = a_licence(ada)
    made = cast.release(under=licence)
    cast.application(ada, cast.programme(made), "approved")
    enter(page, ada)

    receipt = ada.acceptances.get().get_absolute_url()
    for path in (
        "/licences/open-weights/",
        "/licences/open-weights/2.0/",
        "/licences/open-weights/2.1/",
        "/licences/open-weights/2.0/changes/",
        "/licences/open-weights/1.0/changes/",
        "/licences/receipts/",
        receipt,
        "/dashboard/",
        "/releases/tiny/",
    ):
        look_at(page, path)


def test_a_receipt_prints_without_the_sites_frame(
    page: Page, enter: Any, settings: Any, tmp_path: Path
) -> None:
    settings.STATEMENT_KEYS = tmp_path / "statements"
    ada = cast.person("ada@example.org")
    a_licence(ada)
    enter(page, ada)
    page.goto(ada.acceptances.get().get_absolute_url())

    page.emulate_media(media="print")

    assert not page.locator(".site-header").is_visible()
    assert not page.get_by_role("link", name="Download the JSON file").is_visible()
    assert page.get_by_text(ada.acceptances.get().signature).is_visible()


def test_a_manager_looks_at_every_page_of_licences(
    page: Page, enter: Any, settings: Any, tmp_path: Path
) -> None:
    settings.STATEMENT_KEYS = tmp_path / "statements"
    licence = a_licence(cast.person("ada@example.org"))
    actions.draft_version(licence, number="3.0", text=TEXT + "\nIt ends with 2030.\n", **TERMS)
    enter(page, cast.staff("remy@example.org", "Release managers"))

    for path in (
        "/console/licences/",
        "/console/licences/new/",
        "/console/licences/open-weights/",
        "/console/licences/open-weights/draft/",
        "/console/licences/open-weights/3.0/",
        "/console/licences/open-weights/3.0/publish/",
        "/console/licences/open-weights/1.0/acceptances/",
    ):
        look_at(page, path)
