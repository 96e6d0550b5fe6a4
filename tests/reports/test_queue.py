"""The triage queue: filters, tabs, pages, the next one, and what it costs."""

import re

import pytest

from playground.reporting import actions
from tests import cast
from tests.conftest import signed_in
from tests.reports.conftest import told

QUEUE = "/console/reports/"


def test_the_queue_is_filtered(as_tess, ada, tess, release, zephyr):
    mine = actions.report_release(release, told(description="About locks"), by=ada)
    actions.assign(mine, to=tess, by=tess)
    other = actions.report_release(zephyr, told(category="fraud", severity=1), by=ada)
    done = actions.report_release(release, told(severity=4), by=ada)
    actions.accept(done, by=tess)

    def found(**asked):
        return [one.reference for one in as_tess.get(QUEUE, asked).context["page"]]

    assert found() == [mine.reference, other.reference]
    assert found(status="all") == [mine.reference, other.reference, done.reference]
    assert found(status="accepted") == [done.reference]
    assert found(severity="1") == [other.reference]
    assert found(category="fraud") == [other.reference]
    assert found(release="tiny") == [mine.reference]
    assert found(assignee="mine") == [mine.reference]
    assert found(assignee="nobody") == [other.reference]
    assert found(q="LOCKS") == [mine.reference]
    assert found(q=other.reference.lower()) == [other.reference]
    assert found(q="nothing") == []
    assert found(severity="x", status="y") == [mine.reference, other.reference]
    tabs = as_tess.get(QUEUE).context["tabs"]
    assert [(value, count) for value, _, count in tabs] == [
        ("waiting", 2),
        ("new", 2),
        ("triaging", 0),
        ("accepted", 1),
        ("dismissed", 0),
        ("fixed", 0),
        ("all", 3),
    ]


def test_the_queue_is_read_in_pages_and_the_next_one_is_a_step_away(as_tess, ada, release, settings):
    settings.REPORTS_PER_DAY = 100
    filed = [actions.report_release(release, told(), by=ada).reference for _ in range(30)]

    seen, after = [], ""
    while True:
        page = as_tess.get(QUEUE, {"after": after} if after else {}).context["page"]
        seen += [one.reference for one in page]
        if not (after := page.after):
            break

    assert seen == filed
    assert re.findall(r'href="([^"]*)"\s+data-review-next', as_tess.get(f"{QUEUE}{filed[0]}/").text) == [
        f"{QUEUE}{filed[1]}/?"
    ]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("path", "queries"), [(QUEUE, 8), ("", 10)])
def test_pages_take_a_fixed_number_of_queries(
    *, tess, ada, release, path, queries, django_assert_num_queries, count
):
    for number in range(count):
        report = actions.report_release(release, told(), by=ada, prompt="Hello")
        actions.assign(report, to=cast.staff(f"t{number}@example.org", "Safety officers"), by=tess)
    for _ in range(count):
        actions.add_note(report, by=tess, text="A note")
    browser, address = signed_in(tess), path or f"{QUEUE}{report.reference}/"
    browser.get(address)

    with django_assert_num_queries(queries):
        browser.get(address)
