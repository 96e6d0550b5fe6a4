"""Files that were sent in or written, batches, and the lines of a batch: tables, states and questions."""

import secrets
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.common.transitions import Moves
from portal.keys.models import ApiKey, ServiceAccount
from portal.releases.models import Release


def new_file_id() -> str:
    """An id that nobody guesses, in OpenAI's shape."""
    return f"file-{secrets.token_hex(16)}"


def new_batch_id() -> str:
    """An id that nobody guesses, in OpenAI's shape."""
    return f"batch_{secrets.token_hex(16)}"


class Purpose(models.TextChoices):
    """What a file is for; of OpenAI's purposes those that the portal has a use for."""

    BATCH = "batch", "Requests"
    BATCH_OUTPUT = "batch_output", "Answers"


def _of_key(key: ApiKey) -> models.Q:
    """What was made with the keys of the same owner: the service account, else the person alone."""
    if key.service_account_id is not None:
        return models.Q(service_account=key.service_account_id)
    return models.Q(user=key.user_id, service_account=None)


def _of_person(user: User) -> models.Q:
    """What is the person's own, and their service accounts'."""
    mine = ServiceAccount.objects.filter(models.Q(owner=user) | models.Q(members=user)).values("pk")
    return models.Q(user=user, service_account=None) | models.Q(service_account__in=mine)


class ApiFileQuerySet(models.QuerySet["ApiFile"]):
    """Questions about many files."""

    def visible_to_key(self, key: ApiKey) -> "ApiFileQuerySet":
        """The files that a program with `key` may read: its owner's, unless they are over."""
        return self.filter(_of_key(key)).kept()

    def kept(self, *, at: datetime | None = None) -> "ApiFileQuerySet":
        """Those that were neither deleted nor have expired at `at` (None: now)."""
        return self.filter(deleted_at=None, expires_at__gt=at or timezone.now())


class ApiFile(models.Model):
    """A file of the API. Its bytes never change, and are removed when it is deleted or expires."""

    id = models.CharField(primary_key=True, max_length=40, default=new_file_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_files")
    service_account = models.ForeignKey(
        ServiceAccount, null=True, on_delete=models.CASCADE, related_name="api_files"
    )
    purpose = models.CharField(max_length=20, choices=Purpose)
    filename = models.CharField(max_length=255)
    size_bytes = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = ApiFileQuerySet.as_manager()

    class Meta:
        verbose_name = "file"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="files_of_a_person"),
            models.Index(
                fields=["expires_at"], name="files_that_expire", condition=models.Q(deleted_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.filename} ({self.pk})"

    @property
    def path(self) -> Path:
        """Where its bytes lie."""
        return settings.BATCH_ROOT / self.pk[5:7] / self.pk

    @property
    def is_kept(self) -> bool:
        """Whether its bytes can still be had."""
        return self.deleted_at is None and self.expires_at > timezone.now()


class BatchStatus(models.TextChoices):
    """How far a batch has come: OpenAI's own words."""

    VALIDATING = "validating", "Validating"
    FAILED = "failed", "Failed"
    IN_PROGRESS = "in_progress", "In progress"
    FINALIZING = "finalizing", "Finalizing"
    COMPLETED = "completed", "Completed"
    EXPIRED = "expired", "Expired"
    CANCELLING = "cancelling", "Cancelling"
    CANCELLED = "cancelled", "Cancelled"


_S = BatchStatus
MOVES: Moves = {
    _S.VALIDATING: frozenset({_S.IN_PROGRESS, _S.FAILED, _S.CANCELLING, _S.EXPIRED}),
    _S.IN_PROGRESS: frozenset({_S.FINALIZING, _S.CANCELLING}),
    # Which of the three was settled when it began to write its files: `ends_as`.
    _S.FINALIZING: frozenset({_S.COMPLETED, _S.EXPIRED, _S.FAILED}),
    _S.CANCELLING: frozenset({_S.CANCELLED}),
}
LIVE = frozenset({_S.VALIDATING, _S.IN_PROGRESS, _S.FINALIZING, _S.CANCELLING})


class BatchQuerySet(models.QuerySet["Batch"]):
    """Questions about many batches."""

    def visible_to_key(self, key: ApiKey) -> "BatchQuerySet":
        """The batches that a program with `key` may see: its owner's."""
        return self.filter(_of_key(key))

    def visible_to(self, user: User) -> "BatchQuerySet":
        """The person's own, and those of their service accounts."""
        return self.filter(_of_person(user))

    def live(self) -> "BatchQuerySet":
        """Those that have not ended."""
        return self.filter(status__in=LIVE)


class Batch(models.Model):
    """A file of requests to one model, worked on in turns.

    A turn is one worker's: `turn` counts them, `runner` names the one that has it, and
    `beat_at` shows that it lives.
    """

    id = models.CharField(primary_key=True, max_length=40, default=new_batch_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="batches")
    service_account = models.ForeignKey(
        ServiceAccount, null=True, on_delete=models.CASCADE, related_name="batches"
    )
    # What is used counts for the key that asked for it.
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="batches")
    # None until the file is read, which names it.
    release = models.ForeignKey(Release, null=True, on_delete=models.PROTECT, related_name="batches")
    input_file = models.ForeignKey(ApiFile, on_delete=models.RESTRICT, related_name="+")
    output_file = models.ForeignKey(ApiFile, null=True, on_delete=models.RESTRICT, related_name="+")
    error_file = models.ForeignKey(ApiFile, null=True, on_delete=models.RESTRICT, related_name="+")
    endpoint = models.CharField(max_length=40)
    completion_window = models.CharField(max_length=10)
    metadata = models.JSONField(null=True)
    output_seconds = models.PositiveIntegerField(help_text="How long its output is kept.")
    status = models.CharField(max_length=12, choices=BatchStatus, default=_S.VALIDATING, editable=False)
    ends_as = models.CharField(max_length=12, choices=BatchStatus, blank=True, editable=False)
    errors = models.JSONField(default=list, help_text="OpenAI's: {code, message, param, line} each.")
    total_count = models.PositiveIntegerField(default=0)
    completed_count = models.PositiveIntegerField(default=0)
    failed_count = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    in_progress_at = models.DateTimeField(null=True)
    finalizing_at = models.DateTimeField(null=True)
    cancelling_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    turn = models.PositiveIntegerField(default=0)
    runner = models.UUIDField(null=True)
    beat_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(default=timezone.now)

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name = "batch"
        verbose_name_plural = "batches"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="batches_of_a_person"),
            models.Index(fields=["sent_at"], name="live_batches", condition=models.Q(status__in=LIVE)),
        ]
        constraints = [
            models.CheckConstraint(
                name="an_ended_batch_has_its_time",
                condition=models.Q(status__in=LIVE, ended_at=None)
                | (~models.Q(status__in=LIVE) & models.Q(ended_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return self.pk

    def get_absolute_url(self) -> str:
        """The batch's page."""
        return reverse("batches:batch", args=[self.pk])

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.status in LIVE

    @property
    def is_cancellable(self) -> bool:
        """Whether somebody may still cancel it."""
        return _S.CANCELLING in MOVES.get(self.status, frozenset())

    @property
    def settled_count(self) -> int:
        """How many of its lines are answered or have failed."""
        return self.completed_count + self.failed_count

    @property
    def was_asked(self) -> bool:
        """Whether its file was found right, so that its lines were asked or could have been."""
        return self.in_progress_at is not None


class LineStatus(models.TextChoices):
    """How far one line has come."""

    WAITING = "waiting", "Waiting"
    OUT = "out", "Asked"
    DONE = "done", "Answered"
    FAILED = "failed", "Failed"


class BatchLine(models.Model):
    """One request of a batch. It lives as long as its batch does, and then stands in one of its files.

    A line is OUT from before it is sent until its answer is stored; `runner` names the turn
    that sent it. `result` is the line to write.
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField(help_text="Counted from 1, as in the file.")
    custom_id = models.CharField(max_length=512)
    offset = models.PositiveBigIntegerField(help_text="Where the line begins in the file, in bytes.")
    size_bytes = models.PositiveIntegerField()
    status = models.CharField(max_length=8, choices=LineStatus, default=LineStatus.WAITING, editable=False)
    runner = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often the engine failed on it.")
    not_before = models.DateTimeField(default=timezone.now)
    result = models.TextField(blank=True)

    class Meta:
        verbose_name = "line of a batch"
        verbose_name_plural = "lines of batches"
        ordering = ["number"]
        indexes = [
            models.Index(
                fields=["batch", "number"],
                name="lines_that_wait",
                condition=models.Q(status__in=["waiting", "out"]),
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="one_row_a_line"),
            models.UniqueConstraint(fields=["batch", "custom_id"], name="one_line_a_custom_id"),
        ]

    def __str__(self) -> str:
        return f"line {self.number} of {self.batch_id}"
