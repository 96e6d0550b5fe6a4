"""One decision on many applications: who is touched is fixed before it begins, and each is decided once."""

import uuid
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils import timezone

from portal.admissions.models.applications import Application, ApplicationStatus
from portal.admissions.reasons import DeclineReason
from portal.common.transitions import Moves

# A worker that is alive writes down so once a second.
FORGOTTEN_AFTER = timedelta(seconds=30)


class BulkStatus(models.TextChoices):
    """How far a decision on many applications is."""

    PREPARED = "prepared", "Prepared"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped"


_B = BulkStatus
BULK_MOVES: Moves = {
    _B.PREPARED: frozenset({_B.RUNNING, _B.STOPPED}),
    _B.RUNNING: frozenset({_B.DONE, _B.STOPPED}),
}


class BulkVerb(models.TextChoices):
    """What can be done to many at once."""

    APPROVE = "approve", "Approve"
    WAITLIST = "waitlist", "Put on the waiting list"
    DECLINE = "decline", "Decline"
    # Each item has its own.
    AS_LISTED = "as_listed", "As the file says"


BECOMES = {
    BulkVerb.APPROVE: ApplicationStatus.APPROVED,
    BulkVerb.WAITLIST: ApplicationStatus.WAITLISTED,
    BulkVerb.DECLINE: ApplicationStatus.DECLINED,
}


class BulkDecisionQuerySet(models.QuerySet["BulkDecision"]):
    """Questions about many."""

    def forgotten(self) -> Self:
        """Those that run although nobody works on them."""
        return self.filter(status=_B.RUNNING, heartbeat_at__lt=timezone.now() - FORGOTTEN_AFTER)

    def visible_to(self, user: AbstractBaseUser) -> Self:
        """A reviewer's own; nobody else carries out what another has prepared."""
        return self.filter(by_id=user.pk)


class BulkDecision(models.Model):
    """What a reviewer decides on all its items."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="bulk_decisions")
    verb = models.CharField(max_length=20, choices=BulkVerb)
    reason = models.CharField(max_length=20, choices=DeclineReason, blank=True)
    message = models.TextField(blank=True)
    address = models.GenericIPAddressField(null=True)
    status = models.CharField(max_length=20, choices=BulkStatus, default=_B.PREPARED, editable=False)
    left_out = models.PositiveIntegerField(
        default=0, help_text="How many were chosen on which it cannot be decided so."
    )
    created_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = BulkDecisionQuerySet.as_manager()

    class Meta:
        verbose_name = "decision on many"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.get_verb_display()}, prepared {self.created_at:%-d %B %Y at %H:%M} UTC"

    def get_absolute_url(self) -> str:
        """Its preview, and then its progress."""
        return f"/console/applications/bulk/{self.pk}/"

    @property
    def is_live(self) -> bool:
        """Whether somebody works on it or will."""
        return self.status == _B.RUNNING

    def count_by_outcome(self) -> dict[str, int]:
        """How many items have come to what; an outcome without any is left out. One query."""
        return dict(self.items.order_by().values_list("outcome").annotate(number=models.Count("pk")))


class ItemOutcome(models.TextChoices):
    """What came of one application."""

    PENDING = "pending", "Waiting"
    DECIDED = "decided", "Decided"
    REFUSED = "refused", "Left as it was"


class BulkItem(models.Model):
    """One application, and the newest step of its timeline when it was chosen."""

    bulk = models.ForeignKey(BulkDecision, on_delete=models.CASCADE, related_name="items")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="bulk_items")
    seen = models.PositiveBigIntegerField()
    # Where they are empty, those of the decision on many count.
    verb = models.CharField(max_length=20, choices=BulkVerb, blank=True)
    reason = models.CharField(max_length=20, choices=DeclineReason, blank=True)
    message = models.TextField(blank=True)
    outcome = models.CharField(max_length=10, choices=ItemOutcome, default=ItemOutcome.PENDING)
    sentence = models.CharField(max_length=500, blank=True, help_text="Why it was left as it was.")

    class Meta:
        verbose_name = "item of a decision on many"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["bulk", "application"], name="one_item_an_application"),
        ]
        indexes = [models.Index(fields=["bulk", "outcome", "id"], name="items_by_outcome")]

    def __str__(self) -> str:
        return f"{self.application_id} in {self.bulk_id}"
