"""How reports stand, and the rate of incidents, as the console shows them."""

from datetime import UTC, datetime, timedelta

import pytest

from playground import actions as playground
from playground.models import Conversation
from playground.reporting import actions, counting
from playground.reporting.models import Report, Severity
from portal.keys.models import DailyReleaseUsage
from tests.playground.conftest import wish
from tests.reports.conftest import answered, revision, told


def test_nothing_yet(as_tess):
    page = as_tess.get("/console/").text

    assert "No report of misuse is waiting" in page
    assert "There was neither an answer nor an incident" in as_tess.get("/console/reports/rates/").text


def test_what_is_open_is_counted_by_severity_with_the_oldest(as_tess, tess, ada, release):
    filed = [
        actions.report_release(release, told(severity=one), by=ada) for one in (1, 3, Severity.CRITICAL, 3)
    ]
    actions.accept(filed[1], by=tess)
    actions.dismiss(filed[0], by=tess, reason="not_ours")
    actions.write_to_staff(filed[2], by=ada, message="Hurry")

    now = counting.standing()

    assert (now.waiting_count, now.accepted_count, now.open_count, now.unread_count) == (2, 1, 3, 1)
    assert now.severities == ((Severity.CRITICAL, 1), (Severity.HIGH, 2))
    assert now.oldest_at == Report.objects.get(pk=filed[1].pk).reported_at
    page = " ".join(as_tess.get("/console/").text.split())
    assert "2 reports of misuse wait for a decision" in page
    assert "1 Critical" in page
    assert "1 accepted, to be fixed." in page


def test_rates_by_release_count_all_answers(tess, ada, release, zephyr):
    today = datetime.now(UTC).date()
    for days, requests in ((0, 1500), (3, 600), (40, 9000)):
        DailyReleaseUsage.objects.create(
            release=release,
            day=today - timedelta(days=days),
            requests_count=requests,
            failures_count=50 if days < 5 else 0,
        )
    for _ in range(2):
        actions.accept(actions.report_release(release, told(), by=ada), by=tess)
    actions.report_release(release, told(), by=ada)
    actions.accept(actions.report_release(zephyr, told(), by=ada), by=tess)

    tiny, other = counting.rates_by_release()

    assert (tiny.release, tiny.incident_count, tiny.answer_count) == (release, 2, 2000)
    assert tiny.per_thousand == pytest.approx(1.0)
    assert (other.incident_count, other.answer_count, other.per_thousand) == (1, 0, None)


def test_rates_by_revision_count_the_playground(as_tess, tess, ada, release, seen):
    first = answered(ada, release)
    for _ in range(3):
        answered(ada, release)
    actions.accept(actions.report_answer(first, told(), may_read=False, by=ada), by=tess)
    actions.accept(actions.report_release(release, told(), by=ada), by=tess)
    revision(release, "b" * 40)
    answered(ada, release)

    rates = counting.rates_by_revision()

    assert [(one.commit[:1], one.incident_count, one.answer_count) for one in rates] == [
        ("a", 1, 4),
        ("b", 0, 1),
    ]
    assert rates[0].per_thousand == pytest.approx(250.0)
    page = " ".join(as_tess.get("/console/reports/rates/").text.split())
    assert "250.00" in page


def test_what_is_deleted_goes_on_counting(tess, ada, release, seen):
    first = answered(ada, release)
    for _ in range(3):
        answered(ada, release)
    stopped = playground.send(wish("Stop."), by=ada, release=release)
    playground.cancel(stopped, by=ada)
    actions.accept(actions.report_answer(first, told(), may_read=False, by=ada), by=tess)

    Conversation.objects.all().delete()

    (rate,) = counting.rates_by_revision()
    assert (rate.release, rate.commit, rate.incident_count, rate.answer_count) == (release, "a" * 40, 1, 4)


@pytest.mark.parametrize("count", [1, 3])
def test_rates_take_a_fixed_number_of_queries(
    *, as_tess, tess, ada, release, seen, django_assert_num_queries, count
):
    for number in range(count):
        revision(release, str(number) * 40)
        answer = answered(ada, release)
        actions.accept(actions.report_answer(answer, told(), may_read=False, by=ada), by=tess)
    as_tess.get("/console/reports/rates/")

    with django_assert_num_queries(10):
        as_tess.get("/console/reports/rates/")
