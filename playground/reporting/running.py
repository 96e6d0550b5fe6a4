"""Regression suites asked of revisions, and what came of it: the way between reports and evaluations.

Every revision that a server answers for is asked the present suite of its release, once, without anybody's
doing; with another case the suite is another, and it is asked anew.
"""

import structlog
from django.db.models import Exists, OuterRef, Q

from playground.evaluations import actions as evaluations
from playground.evaluations import suite_files
from playground.evaluations.models import EvaluationItem, EvaluationRun, SuiteVersion
from playground.reporting.actions import take_outcomes
from playground.reporting.models import RegressionCase
from playground.reporting.suites import slug_of, suite_of
from portal.common.refusals import Refusal
from portal.releases.models import Release, ReleaseStatus, Revision

# Greedy, so that a case that fails fails again; long enough for what a report shows.
PARAMS = {"temperature": 0, "max_tokens": 512, "seed": 0}
CONCURRENCY = 4

log = structlog.get_logger(__name__)


def start_due() -> int:
    """Ask the suites of all releases of the revisions that have not been asked; how many runs that makes.

    A revision that nobody serves yet waits. A run that failed or was cancelled is left to people.
    """
    active = RegressionCase.objects.active().filter(release=OuterRef("pk"))
    releases = Release.objects.filter(Exists(active)).exclude(status=ReleaseStatus.WITHDRAWN)
    return sum(_start_due_of(release) for release in releases)


def take(run: EvaluationRun) -> None:
    """Take what a concluded run of a regression suite found; of any other suite nothing."""
    release = run.revision.release
    if run.version.suite.slug != slug_of(release):
        return
    scored = EvaluationItem.objects.filter(run=run, score__isnull=False).select_related("case")
    results = {item.case.case_id: item.is_met for item in scored}
    facts = {"run": str(run.pk), "suite": run.version.suite.slug, "suite_version": run.version.number}
    take_outcomes(run.revision, results, facts=facts)


def _start_due_of(release: Release) -> int:
    version = _version_of(release)
    asked = EvaluationRun.objects.filter(revision=OuterRef("pk"), version=version)
    served = Q(is_current=True) | ~Q(backend_url="")
    due = release.revisions.filter(served, yanked_at=None).exclude(Exists(asked))
    return sum(_start(revision, version) for revision in due)


def _start(revision: Revision, version: SuiteVersion) -> bool:
    try:
        evaluations.start_run(revision, version, params=PARAMS, concurrency=CONCURRENCY, by=None)
    except Refusal as refusal:
        log.info("regressions_not_started", commit=revision.commit, reason=refusal.code)
        return False
    return True


def _version_of(release: Release) -> SuiteVersion:
    """The version of the suite with the present cases, which is made if there is none."""
    cases = suite_files.read(suite_of(release)).cases
    known = SuiteVersion.objects.filter(suite__slug=slug_of(release), sha256=suite_files.sha256_of(cases))
    if (version := known.first()) is not None:
        return version
    made, _ = evaluations.add_suite(
        slug_of(release),
        cases,
        title=f"Regressions of {release.name}"[:120],
        description="What was reported and found to be so. Made of the regression cases; change those.",
        by=None,
    )
    return made
