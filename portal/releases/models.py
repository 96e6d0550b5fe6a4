"""Releases, their frozen revisions, weight files and imports."""

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
        """The releases whose page anybody may read: open ones."""
        return self.filter(status=ReleaseStatus.OPEN)


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
        """The newest frozen revision, or None. One query."""
        return self.revisions.filter(is_current=True).first()


class Revision(models.Model):
    """A frozen set of files under a name; the commit id is derived from every path, size and SHA-256."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="revisions")
    name = models.CharField(max_length=60, default="main", validators=[RegexValidator(r"^[\w][\w.-]*$")])
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
        return Path(settings.WEIGHTS_ROOT) / "sha256" / self.sha256[:2] / self.sha256


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


class WeightImport(models.Model):
    """The registration of a directory as a new revision, with its progress."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="imports")
    revision_name = models.CharField(max_length=60, default="main")
    directory = models.CharField(max_length=1000)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    requested_at = models.DateTimeField(default=timezone.now)
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.QUEUED)
    current_path = models.CharField(max_length=500, blank=True)
    done_bytes = models.BigIntegerField(default=0)
    total_bytes = models.BigIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    revision = models.ForeignKey(Revision, null=True, on_delete=models.SET_NULL)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "weight import"
        ordering = ["-requested_at"]

    def __str__(self) -> str:
        return f"import into {self.release}"

    @property
    def percent(self) -> int:
        """How much of the directory has been read, 0 to 100."""
        return int(100 * self.done_bytes / self.total_bytes) if self.total_bytes else 0
