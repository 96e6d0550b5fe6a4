"""What people do with evaluations: suites are added, runs started, cancelled, retried and recorded."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from playground.evaluations import dispatching, ending, items, metrics
from playground.evaluations.models import (
    OPEN,
    RUN_MOVES,
    EvaluationItem,
    EvaluationRun,
    ItemStatus,
    RunStatus,
    Suite,
    SuiteCase,
    SuiteVersion,
)
from playground.evaluations.suite_files import Case, sha256_of
from playground.serving import backend_of
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Revision

ROWS_AT_ONCE = 1000


@transaction.atomic
def add_suite(
    slug: str,
    cases: list[Case],
    *,
    by: User | None,
    title: str = "",
    description: str = "",
    address: str | None = None,
) -> tuple[SuiteVersion, bool]:
    """Add `cases` as the newest version of the suite `slug`, which is made if there is none.

    Returns the version and whether it is new: a content that the suite had before stays the version it was.
    """
    suite, _ = Suite.objects.get_or_create(slug=slug, defaults={"title": title or slug.replace("-", " ")})
    suite = Suite.objects.select_for_update().get(pk=suite.pk)
    for name, value in (("title", title), ("description", description)):
        setattr(suite, name, value or getattr(suite, name))
    suite.save(update_fields=["title", "description"])
    sha256 = sha256_of(cases)
    if known := suite.versions.filter(sha256=sha256).first():
        return known, False
    last = suite.versions.aggregate(last=Max("number"))["last"] or 0
    version = SuiteVersion.objects.create(
        suite=suite, number=last + 1, sha256=sha256, case_count=len(cases), added_by=by
    )
    SuiteCase.objects.bulk_create(
        (SuiteCase(version=version, number=number, **_fields(case)) for number, case in enumerate(cases, 1)),
        batch_size=ROWS_AT_ONCE,
    )
    data = {"suite": slug, "version": version.number, "sha256": sha256, "cases": len(cases)}
    record(Verb.SUITE_VERSION_ADDED, subject=version, by=by, data=data, address=address)
    return version, True


@transaction.atomic
def start_run(
    revision: Revision,
    version: SuiteVersion,
    *,
    params: Mapping[str, Any],
    concurrency: int,
    by: User | None,
    address: str | None = None,
) -> EvaluationRun:
    """Ask every case of `version` of the server of `revision`.

    Raises Refusal: `not_served` when no server is known to serve it, `evaluation_running` when the same
    suite is being asked of it already.
    """
    # Two clicks at once would both find nothing running.
    revision = Revision.objects.select_for_update().select_related("release").get(pk=revision.pk)
    require_server(revision)
    _refuse_twice(revision, version)
    release = revision.release
    run = EvaluationRun.objects.create(
        revision=revision,
        commit=revision.commit,
        version=version,
        params=dict(params),
        concurrency=concurrency,
        served_name=revision.served_model_name or release.served_model_name or release.slug,
        started_by=by,
    )
    EvaluationItem.objects.bulk_create(
        (EvaluationItem(run=run, case=case) for case in version.cases.all()), batch_size=ROWS_AT_ONCE
    )
    data = {
        "release": release.slug,
        "commit": revision.commit,
        "suite": version.suite.slug,
        "sha256": version.sha256,
        "params": run.params,
    }
    record(Verb.EVALUATION_RUN_STARTED, subject=run, by=by, data=data, address=address)
    dispatching.enqueue(run)
    return run


def require_server(revision: Revision) -> None:
    """Refuse a revision that no model server is known to serve: the release's own serves the current one.

    Raises Refusal `not_served`. One query.
    """
    if revision.backend_url:
        return
    remedy = f"/console/releases/{revision.release.slug}/revisions/{revision.commit}/serve/"
    if not backend_of(revision.release).base_url:
        raise Refusal("not_served", "No model server is configured for this release.", remedy=remedy)
    if revision.release.current_revision() != revision:
        raise Refusal(
            "not_served",
            "The release's model server serves its current revision, which is another one. Say where this"
            " revision is served.",
            remedy=remedy,
        )


@transaction.atomic
def cancel(run: EvaluationRun, *, by: User, address: str | None = None) -> None:
    """End a run without a result; what is out is broken off within seconds. Raises IllegalMove, LostRace."""
    row = EvaluationRun.objects.select_for_update().get(pk=run.pk)
    move(row, RunStatus.CANCELLED, moves=RUN_MOVES, ended_at=timezone.now())
    items.free_those_out(row.pk)
    record(Verb.EVALUATION_RUN_CANCELLED, subject=row, by=by, data={"commit": row.commit}, address=address)


@transaction.atomic
def retry(run: EvaluationRun, *, by: User, address: str | None = None) -> int:
    """Go on with a failed run: cases without an answer are asked again; how many. Raises IllegalMove."""
    row = EvaluationRun.objects.select_for_update().get(pk=run.pk)
    move(
        row,
        RunStatus.QUEUED,
        moves=RUN_MOVES,
        ended_at=None,
        error="",
        away_since=None,
        sent_at=timezone.now(),
    )
    failed = EvaluationItem.objects.filter(run=row, status=ItemStatus.FAILED)
    failed.update(status=ItemStatus.WAITING, runner=None, faults=0, not_before=timezone.now())
    count = EvaluationItem.objects.filter(run=row, status=ItemStatus.WAITING).count()
    data = {"commit": row.commit, "cases": count}
    record(Verb.EVALUATION_RUN_RETRIED, subject=row, by=by, data=data, address=address)
    dispatching.enqueue(row)
    return count


@transaction.atomic
def record_result(run: EvaluationRun, *, by: User, address: str | None = None) -> None:
    """Have a graded run measured and signed. Raises Refusal `grades_missing`, and what `conclude` raises."""
    row = EvaluationRun.objects.select_for_update().get(pk=run.pk)
    if row.status == RunStatus.GRADING and (missing := metrics.progress_of(row).ungraded):
        answers = "1 answer waits" if missing == 1 else f"{missing} answers wait"
        raise Refusal("grades_missing", f"{answers} for a grade. Grade first, then record the result.")
    ending.conclude(row, by=by, address=address)


def _refuse_twice(revision: Revision, version: SuiteVersion) -> None:
    running = EvaluationRun.objects.filter(revision=revision, version=version, status__in=OPEN).first()
    if running is not None:
        raise Refusal(
            "evaluation_running",
            "This suite is being run on this revision already. Wait for its end, or cancel it.",
            remedy=running.get_absolute_url(),
        )


def _fields(case: Case) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "category": case.category,
        "messages": case.messages,
        "expectation": case.expectation,
        "parameters": case.parameters,
    }
