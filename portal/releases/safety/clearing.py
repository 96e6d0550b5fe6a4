"""Clearance: whether the safety policy is met by the exact bytes that a release gives out, at this moment."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, CharField, Exists, F, Func, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject
from django.utils import timezone

from portal.releases.models import (
    Blob,
    Evaluation,
    Release,
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
    own = Requirement.objects.live().filter(release=release)
    policy = _policy(own)
    if policy is None or not policy.has_more:
        terms = terms_of(policy) if policy else None
        if policy is None or terms is None or terms.is_empty:
            return _undemanding(policy, terms, revision)
    wanted = Revision.objects.filter(release=release)
    wanted = wanted.filter(pk=revision.pk) if revision else wanted.current()
    return _judge(policy, next(iter(with_evidence(wanted)[:1]), None), at=at)


def unclear(*, at: datetime | None = None) -> Q:
    """Which of the open releases are not clear at `at` (None: now), for a filter of Release.

    One query where nothing is demanded of anybody, else two.
    """
    policy = _policy(Requirement.objects.live())
    terms = terms_of(policy) if policy else None
    if policy is None or terms is None:
        return Q(status=ReleaseStatus.OPEN)
    if terms.is_empty and not policy.has_more:
        return Q(pk__in=[])
    current = Revision.objects.filter(release=OuterRef("pk")).current()
    opened = Release.objects.filter(status=ReleaseStatus.OPEN).annotate(current_id=current.values("pk")[:1])
    rows = with_evidence(Revision.objects.filter(pk__in=opened.values("current_id")))
    found = Q(pk__in=[row.release_id for row in rows if not _judge(policy, row, at=at).is_clear])
    if not terms.is_empty:
        found |= Q(~Exists(current), status=ReleaseStatus.OPEN)
    return found


def with_evidence(revisions: "QuerySet[Revision]") -> "QuerySet[Revision]":
    """Each with what `judging` needs of its files, evaluations, sign-offs and requirements, in one query."""
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
        requirement_rows=ArraySubquery(requirements.values_list(_as_json("suite", "metric", "threshold"))),
    )


def _as_json(*names: str) -> JSONObject:
    return JSONObject(**{name: F(name) for name in names})


def _policy(requirements: "QuerySet[Requirement]") -> "SafetyPolicy | None":
    """The policy in force, with `has_more`: whether any of `requirements` demands something beyond it."""
    return SafetyPolicy.objects.in_force().annotate(has_more=Exists(requirements)).first()


def _undemanding(policy: SafetyPolicy | None, terms: Terms | None, revision: Revision | None) -> Clearance:
    """The answer without a look at the files: there is no policy, a forged one, or one without demands."""
    hindrances: tuple[Hindrance, ...] = ()
    if policy is None:
        hindrances = (Hindrance("no_policy", "No safety policy is in force yet."),)
    elif terms is None:
        hindrances = (Hindrance("policy_changed", "The safety policy is not the one that was put in force."),)
    return Clearance(revision, terms, (), hindrances)


def _judge(
    policy: SafetyPolicy | None, revision: Revision | None, *, at: datetime | None = None
) -> Clearance:
    terms = terms_of(policy) if policy else None
    if policy is None or terms is None:
        return _undemanding(policy, terms, revision)
    if revision is None:
        if terms.is_empty:
            return Clearance(None, terms, (), ())
        return Clearance(
            None, terms, terms.evaluations, (Hindrance("no_revision", "It has no weights yet."),)
        )
    own = [Demand(**row) for row in revision.requirement_rows]
    demands = (*terms.evaluations, *own)
    if terms.is_empty and not own:
        return Clearance(revision, terms, (), ())
    evidence = judging.evidence_of(revision)
    found = judging.tampering(revision, evidence)
    found += judging.unmet(demands, terms, evidence)
    found += judging.unsigned(terms, demands, evidence, at=at or timezone.now())
    return Clearance(revision, terms, demands, tuple(found), evidence)
