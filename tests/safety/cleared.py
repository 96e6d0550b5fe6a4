"""Making a release that meets a policy, step by step, for tests that take one step away."""

from dataclasses import replace
from datetime import timedelta

from django.utils import timezone

from portal.releases.imports import commit_id
from portal.releases.models import EvaluationKind, Revision, WeightFile
from portal.releases.safety import evaluations, sign_offs
from portal.releases.safety.evaluations import Recommendation, Report
from portal.releases.safety.policies import Demand, RoleDemand, Terms

OFFICER, MANAGER = "Safety officers", "Release managers"
TERMS = Terms(
    "The usual",
    evaluations=(Demand("refusal", "pass_rate", 0.9),),
    sign_offs=(RoleDemand(OFFICER, 90), RoleDemand(MANAGER, 180)),
)
REPORT = Report(
    title="What fine-tuning can make of it",
    reviewer="Ines Inspector",
    organisation="Outside Laboratory",
    url="https://laboratory.example/report.pdf",
    document_sha256="a" * 64,
    conclusion="No uplift was found.",
    recommendations=(Recommendation("Test the next size, too.", "We will before it is released."),),
)


def freeze(release, *, name="main", content="a", is_current=True, at=None):
    """A revision of one file whose list is what its commit id says."""
    sha256 = content * 64
    revision = Revision(
        release=release,
        name=name,
        commit="",
        total_bytes=10,
        is_current=False,
        frozen_at=at or timezone.now(),
    )
    file = WeightFile(path="config.json", size_bytes=10, sha256=sha256, git_oid="b" * 40)
    revision.commit = commit_id([file])
    revision.save()
    file.revision = revision
    file.save()
    if is_current:
        release.revisions.filter(name=name).update(is_current=False)
        release.revisions.filter(pk=revision.pk).update(is_current=True)
        revision.is_current = True
    return revision


def evaluate(revision, value=0.95, **changes):
    """A run of the refusal suite with that pass rate."""
    usual = {
        "kind": EvaluationKind.RUN,
        "suite": "refusal",
        "suite_sha256": "c" * 64,
        "metrics": {"pass_rate": value},
        "samples": 50,
        "facts": {"temperature": 0},
        "by": None,
    }
    return evaluations.record(revision, **(usual | changes))


def sign(revision, officer, manager):
    """Both sign-offs."""
    return [sign_as(OFFICER, revision, officer), sign_as(MANAGER, revision, manager)]


def sign_as(role, revision, person):
    """One sign-off."""
    return sign_offs.sign(revision, role=role, by=person)


def terms_with_report():
    """The usual terms, and an outsider's report."""
    return replace(TERMS, needs_report=True)


def later(**spans):
    """That long from now."""
    return timezone.now() + timedelta(**spans)
