"""Clearance: whether the safety policy is met by the exact bytes that a release gives out, at this moment."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, CharField, Exists, F, Func, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.utils import timezone

from portal.common.prepared import prepared
from portal.releases.models import (
    Blob,
    Evaluation,
    Release,
    ReleaseQuerySet,
    ReleaseStatus,
    Requirement,
    Revision,
    SafetyPolicy,
    SignOff,
    WeightFile,
)
from portal.releases.safety import judging
from portal.releases.safety.judging import Evidence, Hindrance
from portal.releases.safety.policies import Demand, Terms, terms_of

_STATED = ("statement", "digest", "signature", "key_id")


@dataclass(frozen=True)
class Clearance:
    """Everything for which a revision is not clear. `evidence` is None where nothing is demanded."""

    revision: Revision | None
    terms: Terms | None
    demands: tuple[Demand, ...]
    hindrances: tuple[Hindrance, ...]
    evidence: Evidence | None = None

    @property
    def is_clear(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.hindrances

    @property
    def is_demanding(self) -> bool:
        """Whether anything is demanded, so that being clear means something."""
        return self.terms is None or not self.terms.is_empty or bool(self.demands)

    def shut_sentence(self, name: str) -> str:
        """What whoever wants the release of that name is told while it is not clear."""
        if self.revision is not None:
            name = f"{name} ({self.revision.commit[:12]})"
        return f"{name} is closed until its safety is signed off. {self.hindrances[0].sentence}"

    @property
    def may_be_signed(self) -> bool:
        """Whether nothing but signatures is missing."""
        return all(one.code.startswith("sign_off_") for one in self.hindrances)


class _ListedCommit(Func):
    """The commit id of a revision's files as they are listed now; see the migration `safety`."""

    function = "revision_commit"
    output_field = CharField()


def clearance_of(
    release: Release, revision: Revision | None = None, *, at: datetime | None = None
) -> Clearance:
    """The clearance of a release's current revision at `at` (None: now), or of `revision`.

    One query where nothing is demanded, else two.
    """
    asked = _asked(_policy_for.first(release_id=release.pk))
    if isinstance(asked, Clearance):
        return replace(asked, revision=revision)
    if revision:
        found = _evidence_of.first(release_id=release.pk, revision_id=revision.pk)
    else:
        found = _evidence_of_current.first(release_id=release.pk)
    return _judge(asked, found, at=at)


def clearances(
    releases: ReleaseQuerySet, *, terms: Terms | None = None, at: datetime | None = None
) -> dict[int, Clearance]:
    """The clearance of each release's current revision at `at` (None: now), by the release's id.

    With `terms` as if these were in force, else by the policy that is. Three queries at most.
    """
    asked = terms or _asked(_policy_for_all.first())
    if isinstance(asked, Clearance):
        return dict.fromkeys(releases.values_list("pk", flat=True), asked)
    newest = Revision.objects.filter(release=OuterRef("pk")).current().values("pk")[:1]
    current = dict(releases.order_by("pk").annotate(current_id=newest).values_list("pk", "current_id"))
    rows = with_evidence(Revision.objects.filter(pk__in=[pk for pk in current.values() if pk]))
    by_release = {row.release_id: row for row in rows}
    return {pk: _judge(asked, by_release.get(pk), at=at) for pk in current}


def unclear(*, at: datetime | None = None) -> list[int]:
    """The ids of the open releases that are not clear at `at` (None: now). Queries as for `clearances`."""
    asked = _asked(_policy_for_all.first())
    if isinstance(asked, Clearance) and asked.is_clear:
        return []
    opened = Release.objects.filter(status=ReleaseStatus.OPEN)
    if isinstance(asked, Clearance):
        return list(opened.values_list("pk", flat=True))
    found = clearances(opened, terms=asked, at=at)
    return [pk for pk, clearance in found.items() if not clearance.is_clear]


def with_evidence(revisions: "QuerySet[Revision]") -> QuerySet[Any]:
    """Each as a `judging.ReadRevision`, in one query."""
    of_it = {"revision": OuterRef("pk")}
    evaluations = Evaluation.objects.live().filter(**of_it)
    sign_offs = SignOff.objects.filter(withdrawn_at=None, **of_it).order_by("-signed_at", "-pk")
    requirements = Requirement.objects.live().filter(
        release=OuterRef("release_id"), made_at__lt=OuterRef("frozen_at")
    )
    damaged = Blob.objects.out_of_service().values("pk")
    return revisions.annotate(
        release_author_id=F("release__author_id"),
        listed_commit=_ListedCommit("pk"),
        has_damage=Exists(
            WeightFile.objects.filter(sha256__in=damaged, **of_it), output_field=BooleanField()
        ),
        evaluation_rows=ArraySubquery(
            evaluations.values_list(_as_json("kind", "suite", "suite_sha256", *_STATED))
        ),
        sign_off_rows=ArraySubquery(sign_offs.values_list(_as_json("role", "signer_id", *_STATED))),
        last_withdrawal_at=Subquery(
            Evaluation.objects.filter(withdrawn_at__isnull=False, **of_it)
            .order_by("-withdrawn_at")
            .values("withdrawn_at")[:1]
        ),
        requirement_rows=ArraySubquery(requirements.values_list(_as_json("suite", "metric", "threshold"))),
    )


def _as_json(*names: str) -> JSONObject:
    return JSONObject(**{name: F(name) for name in names})


@prepared
def _evidence_of(*, release_id: int, revision_id: int) -> QuerySet[Any]:
    return with_evidence(Revision.objects.filter(release=release_id, pk=revision_id))


@prepared
def _evidence_of_current(*, release_id: int) -> QuerySet[Any]:
    return with_evidence(Revision.objects.filter(release=release_id).current())[:1]


@prepared
def _policy_for(*, release_id: int) -> QuerySet[Any]:
    """The policy in force, and whether the release has requirements of its own."""
    return _policy_and(Requirement.objects.live().filter(release=release_id))


@prepared
def _policy_for_all() -> QuerySet[Any]:
    """The policy in force, and whether any release has requirements of its own."""
    return _policy_and(Requirement.objects.live())


def _policy_and(requirements: "QuerySet[Requirement]") -> QuerySet[Any]:
    return SafetyPolicy.objects.in_force().annotate(has_more=Exists(requirements))[:1]


def _asked(policy: Any) -> Terms | Clearance:
    """What the policy in force asks, or the answer where no revision need be looked at.

    That is: there is no policy, a forged one, or neither it nor any requirement demands anything. No query.
    """
    if policy is None:
        missing = Hindrance("no_policy", "No safety policy is in force yet.")
        return Clearance(None, None, (), (missing,))
    terms = terms_of(policy)
    if terms is None:
        forged = Hindrance("policy_changed", "The safety policy is not the one that was put in force.")
        return Clearance(None, None, (), (forged,))
    return terms if policy.has_more or not terms.is_empty else Clearance(None, terms, (), ())


def _judge(terms: Terms, revision: Any, *, at: datetime | None = None) -> Clearance:
    if revision is None:
        missing = () if terms.is_empty else (Hindrance("no_revision", "It has no weights yet."),)
        return Clearance(None, terms, terms.evaluations, missing)
    demands = (*terms.evaluations, *(Demand(**row) for row in revision.requirement_rows))
    if terms.is_empty and not demands:
        return Clearance(revision, terms, (), ())
    evidence = judging.evidence_of(revision)
    found = judging.tampering(revision, evidence)
    found += judging.unmet(demands, terms, evidence)
    found += judging.unsigned(terms, demands, evidence, at=at or timezone.now())
    return Clearance(revision, terms, demands, tuple(found), evidence)
