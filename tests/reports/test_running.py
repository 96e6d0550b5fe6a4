"""Regression suites asked of revisions by a model server, without anybody's doing, and what came of it."""

import pytest

from playground.evaluations.models import EvaluationRun, Suite
from playground.evaluations.suite_files import Case
from playground.reporting import actions, running, suites
from playground.reporting.models import RegressionOutcome, Report, ReportStatus
from portal.releases.models import Evaluation, Release, ReleaseStatus
from portal.releases.safety.clearing import clearance_of
from tests.conftest import signed_in
from tests.evaluations.conftest import serve, work
from tests.reports.conftest import revision, told

pytestmark = pytest.mark.django_db(transaction=True)
BAD = {"type": "not_contains", "texts": ["w0"]}
GOOD = {"type": "contains", "all": ["w0"]}


def reported(ada, tess, release, expectation, prompt="words=2", **changes):
    """A case of a report: of what the model server is asked, and what is expected of it."""
    report = actions.accept(actions.report_release(release, told(), by=ada, prompt=prompt), by=tess)
    return actions.make_case(report, by=tess, messages=report.messages, expectation=expectation, **changes)


def runs():
    return list(EvaluationRun.objects.order_by("created_at"))


def test_a_revision_is_asked_once_it_is_served_and_again_with_another_case(
    *,
    ada,
    tess,
    release,
    upstream_url,
):
    first = reported(ada, tess, release, GOOD)
    later = revision(release, "b" * 40)
    Release.objects.filter(pk=release.pk).update(backend_url="")

    assert running.start_due() == 0
    serve(later, upstream_url)
    assert running.start_due() == 1
    assert running.start_due() == 0
    (run,) = runs()
    assert (run.revision, run.version.suite.slug) == (later, "regressions-tiny")
    assert [one.told() for one in _cases(run)] == [suites.line_of(first)]
    work(run)
    assert running.start_due() == 0

    reported(ada, tess, release, BAD)
    assert running.start_due() == 1
    suite = Suite.objects.get()
    assert suite.versions.count() == 2
    page = signed_in(tess).get("/console/reports/cases/?release=tiny").text
    assert f'href="{suite.get_absolute_url()}"' in page
    assert runs()[1].version.case_count == 2


def test_what_a_run_finds_is_told_to_the_reporter_and_the_gate(
    *,
    ada,
    tess,
    release,
    upstream_url,
    mailoutbox,
):
    mended, broken = reported(ada, tess, release, GOOD), reported(ada, tess, release, BAD)
    later = serve(revision(release, "b" * 40), upstream_url)
    running.start_due()

    run = work(runs()[0])

    assert run.status == "done"
    assert {one.case: one.has_passed for one in RegressionOutcome.objects.all()} == {
        mended: True,
        broken: False,
    }
    assert Report.objects.get(pk=mended.report_id).fixed_commit == later.commit
    assert Report.objects.get(pk=broken.report_id).status == ReportStatus.ACCEPTED
    assert list(actions.cases_holding(later)) == [broken]
    assert sorted(Evaluation.objects.values_list("suite", flat=True)) == [
        "regressions-tiny",
        "regressions-tiny/held",
    ]
    assert any(one.code.startswith("evaluation") for one in clearance_of(release, later).hindrances)


def test_answers_that_a_person_grades_count_when_they_are_graded(
    *,
    ada,
    tess,
    release,
    upstream_url,
):
    reported(ada, tess, release, {"type": "by_hand", "question": "Is it kind?"})
    serve(revision(release, "b" * 40), upstream_url)
    running.start_due()

    run = work(runs()[0])

    assert run.status == "grading"
    assert RegressionOutcome.objects.count() == 0
    assert Report.objects.get().status == ReportStatus.ACCEPTED


def test_other_suites_and_withdrawn_releases_are_left_alone(ada, tess, release, upstream_url):
    reported(ada, tess, release, GOOD)
    serve(revision(release, "b" * 40), upstream_url)
    running.start_due()
    Suite.objects.update(slug="another")

    work(runs()[0])

    assert RegressionOutcome.objects.count() == 0
    Release.objects.filter(pk=release.pk).update(status=ReleaseStatus.WITHDRAWN)
    assert running.start_due() == 0


def test_without_an_active_case_nothing_is_asked(ada, tess, release, upstream_url):
    case = reported(ada, tess, release, GOOD)
    serve(revision(release, "b" * 40), upstream_url)
    actions.retire_case(case, by=tess)

    assert running.start_due() == 0
    assert Suite.objects.count() == 0


def test_a_long_slug_gives_a_suite_with_a_number(release):
    release.slug = "a" * 45

    assert suites.slug_of(release) == f"regressions-{release.pk}"


def _cases(run):
    rows = run.version.cases.order_by("number")
    return [Case(row.case_id, row.category, row.messages, row.expectation) for row in rows]
