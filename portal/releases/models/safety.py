"""What a release needs before it may be open: a policy, evaluations of exact bytes, and who signs for them.

Each row keeps a signed statement (`portal.common.statements`); the columns beside it are for searching.
"""

import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.common import statements
from portal.common.statements import Signed
from portal.releases.models.releases import Release
from portal.releases.models.revisions import Revision


class StatedModel(models.Model):
    """A row whose facts are a signed statement; its `digest` is the SHA-256 (hex) of the statement."""

    statement = models.TextField(help_text="Canonical JSON; these exact bytes are signed.")
    digest = models.CharField(max_length=64, unique=True)
    signature = models.CharField(max_length=100, help_text="Ed25519, base64.")
    key_id = models.CharField(max_length=64, help_text="SHA-256 (hex) of the public key's DER form.")

    class Meta:
        abstract = True

    @property
    def signed(self) -> Signed:
        """The statement with its signature."""
        return Signed(self.statement, self.signature, self.key_id)

    @property
    def facts(self) -> dict[str, Any]:
        """What the statement says, genuine or not."""
        return json.loads(self.statement)  # type: ignore[no-any-return]

    @property
    def is_genuine(self) -> bool:
        """Whether this portal signed exactly this statement."""
        return self.digest == statements.digest(self.statement) and statements.is_genuine(self.signed)


class SafetyPolicyQuerySet(models.QuerySet["SafetyPolicy"]):
    """Questions about many policies."""

    def in_force(self) -> "SafetyPolicyQuerySet":
        """The policy with the highest number, first."""
        return self.order_by("-number")


class SafetyPolicy(StatedModel):
    """One version of what the organisation demands of a release; the highest number binds every release."""

    number = models.PositiveIntegerField(unique=True)
    put_in_force_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    put_in_force_at = models.DateTimeField(default=timezone.now)

    objects = SafetyPolicyQuerySet.as_manager()

    class Meta:
        verbose_name = "safety policy"
        verbose_name_plural = "safety policies"
        ordering = ["-number"]
        permissions = [("set_safety_policy", "Can put a safety policy in force")]

    def __str__(self) -> str:
        return f"safety policy {self.number}"


class EvaluationKind(models.TextChoices):
    """Where a result comes from."""

    RUN = "run", "Run here"
    IMPORTED = "imported", "Imported"
    REPORT = "report", "External report"


class EvaluationQuerySet(models.QuerySet["Evaluation"]):
    """Questions about many evaluations."""

    def live(self) -> "EvaluationQuerySet":
        """Those that were not withdrawn, the newest first."""
        return self.filter(withdrawn_at=None).order_by("-recorded_at", "-pk")


class Evaluation(StatedModel):
    """A result for exactly the bytes of one revision. Fixed; it can be withdrawn with a reason."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="evaluations")
    kind = models.CharField(max_length=10, choices=EvaluationKind)
    suite = models.CharField(max_length=120)
    suite_sha256 = models.CharField(max_length=64, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    recorded_at = models.DateTimeField(default=timezone.now)
    withdrawn_at = models.DateTimeField(null=True, editable=False)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    withdrawal_reason = models.CharField(max_length=500, blank=True, editable=False)

    objects = EvaluationQuerySet.as_manager()

    class Meta:
        verbose_name = "evaluation"
        ordering = ["-recorded_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(withdrawn_at=None, withdrawal_reason="")
                | (models.Q(withdrawn_at__isnull=False) & ~models.Q(withdrawal_reason="")),
                name="a_reason_for_every_withdrawn_evaluation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.suite} on {self.revision}"


class SignOffQuerySet(models.QuerySet["SignOff"]):
    """Questions about many sign-offs."""

    def live(self, *, at: datetime | None = None) -> "SignOffQuerySet":
        """Those that were not withdrawn and have not expired by `at` (None: now)."""
        return self.filter(withdrawn_at=None, expires_at__gt=at or timezone.now())


class SignOff(StatedModel):
    """That a person in a role answers for exactly these bytes, resting on exactly these evaluations."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="sign_offs")
    role = models.CharField(max_length=60)
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sign_offs")
    signed_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    reminders_sent = models.PositiveSmallIntegerField(default=0, editable=False)
    withdrawn_at = models.DateTimeField(null=True, editable=False)
    withdrawal_reason = models.CharField(max_length=500, blank=True, editable=False)

    objects = SignOffQuerySet.as_manager()

    class Meta:
        verbose_name = "sign-off"
        ordering = ["signed_at", "pk"]
        permissions = [("sign_off", "Can sign for a revision's safety")]
        constraints = [
            # Two roles are two people: whoever signed for one cannot sign for the other.
            models.UniqueConstraint(
                fields=["revision", "signer"],
                condition=models.Q(withdrawn_at=None),
                name="one_sign_off_a_person",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("signed_at")), name="a_sign_off_lasts_a_while"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} for {self.revision}"


class RequirementQuerySet(models.QuerySet["Requirement"]):
    """Questions about many requirements."""

    def live(self) -> "RequirementQuerySet":
        """Those that were not lifted."""
        return self.filter(lifted_at=None)


class Requirement(models.Model):
    """One evaluation that a release needs beyond the policy, for revisions frozen after it was made."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="requirements")
    suite = models.CharField(max_length=120)
    metric = models.CharField(max_length=60)
    threshold = models.FloatField(help_text="At least so much.")
    reason = models.CharField(max_length=300)
    made_at = models.DateTimeField(default=timezone.now)
    lifted_at = models.DateTimeField(null=True, editable=False)

    objects = RequirementQuerySet.as_manager()

    class Meta:
        verbose_name = "requirement of a release"
        ordering = ["made_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["release", "suite", "metric"],
                condition=models.Q(lifted_at=None),
                name="one_live_requirement_a_metric",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.suite} {self.metric} ≥ {self.threshold:g} for {self.release}"
