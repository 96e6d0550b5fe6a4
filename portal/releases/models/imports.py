"""Imports of weights, and how far they have come."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.common.transitions import Moves
from portal.releases.models.releases import Release
from portal.releases.models.revisions import REVISION_NAME, Revision


class SourceKind(models.TextChoices):
    """Where an import reads from."""

    DIRECTORY = "directory", "Directory"
    SNAPSHOT = "snapshot", "Hub snapshot"
    BUCKET = "bucket", "S3 bucket"


class ImportStatus(models.TextChoices):
    """How far an import has come."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


IMPORT_MOVES: Moves = {
    ImportStatus.QUEUED: frozenset({ImportStatus.RUNNING, ImportStatus.FAILED}),
    ImportStatus.RUNNING: frozenset({ImportStatus.RUNNING, ImportStatus.DONE, ImportStatus.FAILED}),
}
LIVE_IMPORTS = (ImportStatus.QUEUED, ImportStatus.RUNNING)
# Above the longest pause between two signs of life: the sync of one stretch of a file to a slow disk.
IMPORT_SILENCE = timedelta(seconds=60)


class WeightImportQuerySet(models.QuerySet["WeightImport"]):
    """Questions about many imports."""

    def claimable(self, *, at: datetime | None = None) -> "WeightImportQuerySet":
        """Those that nobody works on: queued, or running without a sign of life."""
        silent_since = (at or timezone.now()) - IMPORT_SILENCE
        return self.filter(
            models.Q(status=ImportStatus.QUEUED)
            | models.Q(status=ImportStatus.RUNNING, alive_at__lt=silent_since)
        )

    def forgotten(self, *, at: datetime | None = None) -> "WeightImportQuerySet":
        """Those that nobody has worked on for a while, so that their task must have been lost."""
        silent_since = (at or timezone.now()) - IMPORT_SILENCE
        is_lost = models.Q(alive_at__lt=silent_since) | models.Q(alive_at=None, requested_at__lt=silent_since)
        return self.filter(is_lost, status__in=LIVE_IMPORTS)


class WeightImport(models.Model):
    """The registration of a source's files as a new revision, with its progress."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="imports")
    revision_name = models.CharField(max_length=60, default="main", validators=[REVISION_NAME])
    kind = models.CharField(max_length=10, choices=SourceKind, default=SourceKind.DIRECTORY)
    source = models.CharField(max_length=1000, help_text="A directory, or s3://bucket/prefix.")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    requested_at = models.DateTimeField(default=timezone.now)
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.QUEUED)
    worker = models.UUIDField(null=True, help_text="Whoever works on it; a stranger's write is refused.")
    alive_at = models.DateTimeField(null=True, help_text="The worker's last sign of life.")
    attempts = models.PositiveSmallIntegerField(default=0)
    current_path = models.CharField(max_length=500, blank=True)
    done_bytes = models.BigIntegerField(default=0)
    total_bytes = models.BigIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    revision = models.ForeignKey(Revision, null=True, on_delete=models.SET_NULL, related_name="imports")
    is_duplicate = models.BooleanField(default=False, help_text="These very files were there before.")
    ended_at = models.DateTimeField(null=True)

    objects = WeightImportQuerySet.as_manager()

    class Meta:
        verbose_name = "weight import"
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["release"],
                condition=models.Q(status__in=["queued", "running"]),
                name="one_live_import_a_release",
            ),
        ]

    def __str__(self) -> str:
        return f"import into {self.release}"

    @property
    def is_live(self) -> bool:
        """Whether it has yet to end."""
        return self.status in LIVE_IMPORTS

    @property
    def current_paths(self) -> list[str]:
        """The files that are being read, as many as the row has room for."""
        return self.current_path.splitlines()

    @property
    def percent(self) -> int:
        """How much of the source has been read, 0 to 100."""
        return int(100 * self.done_bytes / self.total_bytes) if self.total_bytes else 0


class ImportedFile(models.Model):
    """A file that an import has read and stored already, so that a second worker need not read it again."""

    weight_import = models.ForeignKey(WeightImport, on_delete=models.CASCADE, related_name="imported_files")
    path = models.CharField(max_length=500)
    size_bytes = models.BigIntegerField()
    modified_ns = models.BigIntegerField(help_text="Of the source, to see that it is still the same file.")
    sha256 = models.CharField(max_length=64)
    git_oid = models.CharField(max_length=40)
    is_pickle = models.BooleanField(default=False)

    class Meta:
        verbose_name = "imported file"
        constraints = [
            models.UniqueConstraint(fields=["weight_import", "path"], name="one_imported_file_a_path")
        ]

    def __str__(self) -> str:
        return f"{self.path} ({self.weight_import})"
