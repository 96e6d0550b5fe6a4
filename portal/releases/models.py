"""Releases, their frozen revisions, weight files and imports."""

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from portal.common.transitions import Moves
from portal.licensing.models import Licence

HUB_ID = RegexValidator(
    r"^(?!.*(--|\.\.))[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]{0,94}[A-Za-z0-9_]$",
    "Write it as organisation/model.",
)


class Stage(models.TextChoices):
    """How far a release has come towards everyone."""

    PROTOTYPE = "prototype", "Prototype"
    EARLY_ACCESS = "early_access", "Early access"
    GENERAL = "general", "General"


class ReleaseStatus(models.TextChoices):
    """Where a release stands on its way to being open."""

    DRAFT = "draft", "Draft"
    EVALUATING = "evaluating", "Evaluating"
    CLEARED = "cleared", "Cleared"
    OPEN = "open", "Open"
    WITHDRAWN = "withdrawn", "Withdrawn"


RELEASE_MOVES: Moves = {
    ReleaseStatus.DRAFT: frozenset({ReleaseStatus.EVALUATING}),
    ReleaseStatus.EVALUATING: frozenset({ReleaseStatus.CLEARED, ReleaseStatus.WITHDRAWN}),
    ReleaseStatus.CLEARED: frozenset({ReleaseStatus.OPEN, ReleaseStatus.EVALUATING, ReleaseStatus.WITHDRAWN}),
    ReleaseStatus.OPEN: frozenset({ReleaseStatus.WITHDRAWN}),
}
# The states in which an event may show a prototype, if the release's policy allows it.
SHOWABLE = frozenset({ReleaseStatus.EVALUATING, ReleaseStatus.CLEARED, ReleaseStatus.OPEN})


class ReleaseQuerySet(models.QuerySet["Release"]):
    """Questions about many releases."""

    def announced(self) -> "ReleaseQuerySet":
        """The releases that are open now."""
        return self.filter(status=ReleaseStatus.OPEN)

    def public(self) -> "ReleaseQuerySet":
        """The releases whose page anybody may read: open ones, and withdrawn ones that were open."""
        withdrawn = models.Q(status=ReleaseStatus.WITHDRAWN, opened_at__isnull=False)
        return self.filter(models.Q(status=ReleaseStatus.OPEN) | withdrawn)


class Release(models.Model):
    """A model that the organisation gives out, through all its revisions."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    hub_id = models.CharField("Hub id", max_length=200, unique=True, validators=[HUB_ID])
    summary = models.CharField(max_length=300)
    description = models.TextField(blank=True, help_text="Markdown.")
    stage = models.CharField(max_length=20, choices=Stage, default=Stage.PROTOTYPE)
    status = models.CharField(
        max_length=20, choices=ReleaseStatus, default=ReleaseStatus.DRAFT, editable=False
    )
    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, related_name="releases")
    parameter_count = models.BigIntegerField(null=True, blank=True)
    context_length = models.PositiveIntegerField(
        default=2048, help_text="Tokens, prompt and answer together."
    )
    served_model_name = models.CharField(
        max_length=120, blank=True, help_text="The model's name at the model server."
    )
    backend_url = models.URLField(blank=True, help_text="The model server, when it is not the portal's own.")
    is_event_prototype = models.BooleanField(
        "may be shown at events", default=False, help_text="From evaluation on, to holders of an event pass."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    opened_at = models.DateTimeField(null=True, editable=False)
    withdrawn_at = models.DateTimeField(null=True, editable=False)
    withdrawal_reason = models.TextField(blank=True, editable=False)

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        verbose_name = "release"
        ordering = ["name"]
        permissions = [("manage_release", "Can import weights and move a release")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The release's page."""
        return f"/releases/{self.slug}/"

    def current_revision(self) -> "Revision | None":
        """The newest current revision, `main` before all other names; or None. One query."""
        is_main = models.Case(models.When(name="main", then=0), default=1)
        return self.revisions.filter(is_current=True).order_by(is_main, "-frozen_at").first()


# No slash: the Hub's clients quote it, servers unquote it, and the path would have one part more.
REVISION_NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
REVISION_NAME = RegexValidator(
    REVISION_NAME_PATTERN, "Use letters, digits, dots, dashes and underscores, such as v1.1."
)


class Revision(models.Model):
    """A frozen set of files under a name; the commit id is derived from every path, size and SHA-256."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="revisions")
    name = models.CharField(max_length=60, default="main", validators=[REVISION_NAME])
    commit = models.CharField("commit id", max_length=40)
    total_bytes = models.BigIntegerField()
    is_current = models.BooleanField(default=True)
    frozen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "revision"
        constraints = [
            models.UniqueConstraint(fields=["release", "commit"], name="one_revision_a_commit"),
            models.UniqueConstraint(
                fields=["release", "name"],
                condition=models.Q(is_current=True),
                name="one_current_revision_a_name",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.release.hub_id}@{self.commit[:12]}"


def stored_at(sha256: str) -> Path:
    """Where the store keeps the bytes with this SHA-256 (hex)."""
    return Path(settings.WEIGHTS_ROOT) / "sha256" / sha256[:2] / sha256


class WeightFile(models.Model):
    """One file of a revision; its bytes lie in the store under their SHA-256."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="files")
    path = models.CharField(max_length=500)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    git_oid = models.CharField("git blob id", max_length=40)

    class Meta:
        verbose_name = "weight file"
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["revision", "path"], name="one_file_a_path")]

    def __str__(self) -> str:
        return f"{self.revision}:{self.path}"

    @property
    def stored_at(self) -> Path:
        """Where the bytes lie on disk."""
        return stored_at(self.sha256)


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
    """The registration of a directory as a new revision, with its progress."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="imports")
    revision_name = models.CharField(max_length=60, default="main", validators=[REVISION_NAME])
    directory = models.CharField(max_length=1000)
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
    def percent(self) -> int:
        """How much of the directory has been read, 0 to 100."""
        return int(100 * self.done_bytes / self.total_bytes) if self.total_bytes else 0


class ImportedFile(models.Model):
    """A file that an import has read and stored already, so that a second worker need not read it again."""

    weight_import = models.ForeignKey(WeightImport, on_delete=models.CASCADE, related_name="imported_files")
    path = models.CharField(max_length=500)
    size_bytes = models.BigIntegerField()
    modified_ns = models.BigIntegerField(help_text="Of the source, to see that it is still the same file.")
    sha256 = models.CharField(max_length=64)
    git_oid = models.CharField(max_length=40)

    class Meta:
        verbose_name = "imported file"
        constraints = [
            models.UniqueConstraint(fields=["weight_import", "path"], name="one_imported_file_a_path")
        ]

    def __str__(self) -> str:
        return f"{self.path} ({self.weight_import})"
