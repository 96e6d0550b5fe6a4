"""Two at once, each with a connection of their own: one report, one decision, one mail."""

from uuid import uuid4

import pytest

from playground.reporting import actions
from playground.reporting.models import RegressionCase, Report, ReportStatus
from portal.common.refusals import Refusal
from portal.ledger.actions import first_break
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests import cast
from tests.admissions.test_race import at_once
from tests.reports.conftest import revision, told

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_form_sent_twice_at_once_files_once(ada, release, settings):
    token, settings.REPORTS_PER_DAY = uuid4(), 1

    first, second = at_once(
        *(lambda: actions.report_release(release, told(token=token), by=ada) for _ in range(2))
    )

    assert first == second
    assert Report.objects.count() == 1


def test_two_forms_at_once_keep_the_limit(ada, release, settings):
    settings.REPORTS_PER_DAY = 1

    outcomes = at_once(*(lambda: actions.report_release(release, told(), by=ada) for _ in range(2)))

    assert sorted(type(one).__name__ for one in outcomes) == ["Refusal", "Report"]


def test_two_triagers_decide_at_once_and_one_decision_stands(report):
    tess, tom = (cast.staff(f"{name}@example.org", "Safety officers") for name in ("tess", "tom"))

    outcomes = at_once(
        lambda: actions.accept(report, by=tess),
        lambda: actions.dismiss(report, by=tom, reason="duplicate"),
    )

    (won,) = [one for one in outcomes if isinstance(one, Report)]
    (lost,) = [one for one in outcomes if isinstance(one, Refusal)]
    assert Report.objects.get().status == won.status
    assert "cannot become" in lost.sentence
    assert Entry.objects.filter(verb=Verb.REPORT_TRIAGE_STARTED).count() == 1
    assert first_break() is None


def test_two_runs_end_at_once_and_the_reporter_is_told_once(accepted, tess, release, mailoutbox):
    case = actions.make_case(
        accepted,
        by=tess,
        messages=[{"role": "user", "content": "Hi"}],
        expectation={"type": "refusal"},
        holds_promotion=False,
    )
    later = [revision(release, letter * 40) for letter in "bc"]

    outcomes = at_once(*(lambda one=one: actions.take_outcomes(one, {case.case_id: True}) for one in later))

    assert outcomes == [[], []]
    assert Report.objects.get().status == ReportStatus.FIXED
    assert Entry.objects.filter(verb=Verb.REPORT_FIXED).count() == 1


def test_two_cases_at_once_are_one(accepted, tess):
    asked = {"messages": [{"role": "user", "content": "Hi"}], "expectation": {"type": "refusal"}}

    outcomes = at_once(*(lambda: actions.make_case(accepted, by=tess, **asked) for _ in range(2)))

    assert sorted(type(one).__name__ for one in outcomes) == ["Refusal", "RegressionCase"]
    assert RegressionCase.objects.count() == 1
