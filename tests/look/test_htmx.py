"""htmx runs under the strict policy, carries the CSRF token, and leaves no inline style behind."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What a fragment view of ours answers: the target's new content and Django's messages out of band.
ANSWER = """<p id="answer">Saved</p>
<div id="messages" class="messages container-xl" aria-live="polite" hx-swap-oob="true">
<div class="notice notice-success" data-notice><p>Done</p>
<button type="button" class="btn-plain" data-dismiss hidden>Dismiss</button></div></div>"""


def add_button(page: Page) -> None:
    """Put a button that posts by htmx into the page, as a template would have it."""
    page.evaluate(
        """() => {
            const main = document.querySelector("main");
            main.insertAdjacentHTML("afterbegin",
                '<div id="spot"></div><button hx-post="/fragment/" hx-target="#spot">Save</button>');
            htmx.process(main);
        }"""
    )


def test_fragment_arrives_with_messages_and_the_token_was_sent(page: Page) -> None:
    seen = []
    page.route("**/fragment/", lambda route: (seen.append(route.request), route.fulfill(body=ANSWER)))
    page.goto("/accounts/login/")
    add_button(page)

    page.get_by_role("button", name="Save").click()

    expect(page.locator("#spot #answer")).to_have_text("Saved")
    expect(page.locator("#messages")).to_contain_text("Done")
    assert seen[0].headers["x-csrftoken"]
    assert seen[0].headers["hx-request"] == "true"


def test_answer_of_422_is_swapped_in(page: Page) -> None:
    page.route("**/fragment/", lambda route: route.fulfill(status=422, body="<p>Please fill this in.</p>"))
    page.goto("/accounts/login/")
    add_button(page)

    page.get_by_role("button", name="Save").click()

    expect(page.locator("#spot")).to_have_text("Please fill this in.")


def test_message_that_htmx_brought_can_be_dismissed(page: Page) -> None:
    page.route("**/fragment/", lambda route: route.fulfill(body=ANSWER))
    page.goto("/accounts/login/")
    add_button(page)
    page.get_by_role("button", name="Save").click()

    page.get_by_role("button", name="Dismiss").click()

    expect(page.locator("#messages .notice")).to_have_count(0)


def test_page_at_rest_has_no_inline_style(page: Page) -> None:
    page.goto("/")

    assert page.locator("style, [style]").count() == 0
