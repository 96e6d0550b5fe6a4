"""The pages about the API in a real browser: accessible and fitting, in every language."""

import pytest
from playwright.sync_api import Page, expect

from playground.reference.examples import Language
from tests import cast
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("language", Language.values)
def test_a_developer_opens_the_examples_and_they_are_accessible_and_fit(
    page: Page, enter, language: str
) -> None:
    release = cast.release()
    enter(page, cast.developer("ada@example.org", release))

    look_at(page, f"/api/?language={language}")


def test_a_visitor_opens_the_pages_and_they_are_accessible_and_fit(page: Page) -> None:
    for path in ("/api/", "/api/errors/"):
        look_at(page, path)


def test_the_address_of_a_code_shows_its_row(page: Page) -> None:
    page.goto("/api/errors/#model_server_silent")

    row = page.locator("#model_server_silent")
    expect(row).to_be_in_viewport()
    expect(row).to_contain_text("504")
