"""Frozen revisions, their files, the bytes these name, and the manifests that sign for them."""

from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.utils import timezone

from portal.releases.models.releases import Release

# No slash: the Hub's clients quote it, servers unquote it, and the path would have one part more.
REVISION_NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
REVISION_NAME = RegexValidator(
    REVISION_NAME_PATTERN, "Use letters, digits, dots, dashes and underscores, such as v1.1."
)
HTTP_URL = URLValidator(schemes=["http", "https"])


class RevisionQuerySet(models.QuerySet["Revision"]):
    """Questions about many revisions."""

    def served(self) -> "RevisionQuerySet":
        """Those with a model server of their own that people may start with."""
        return self.exclude(backend_url="").filter(yanked_at=None)

    def current(self) -> "RevisionQuerySet":
        """The current ones, `main` before all other names and the newest first."""
        is_main = models.Case(models.When(name="main", then=0), default=1)
        return self.filter(is_current=True).order_by(is_main, "-frozen_at")

    def with_health(self) -> "RevisionQuerySet":
        """Each with `file_count`, `damaged_count`, `signed_at` and `checked_at`.

        `checked_at` is when its longest unread file was last read, None if one never was.
        """
        damaged = Blob.objects.out_of_service().values("pk")
        named = WeightFile.objects.filter(revision=models.OuterRef(models.OuterRef("pk"))).values("sha256")
        oldest = Blob.objects.filter(pk__in=named).order_by(models.F("scrubbed_at").asc(nulls_first=True))
        return self.annotate(
            file_count=models.Count("files"),
            damaged_count=models.Count("files", filter=models.Q(files__sha256__in=damaged)),
            signed_at=models.F("manifest__signed_at"),
            checked_at=models.Subquery(oldest.values("scrubbed_at")[:1]),
        )


class Revision(models.Model):
    """A frozen set of files under a name; the commit id is derived from every path, size and SHA-256."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="revisions")
    name = models.CharField(max_length=60, default="main", validators=[REVISION_NAME])
    commit = models.CharField("commit id", max_length=40)
    total_bytes = models.BigIntegerField()
    is_current = models.BooleanField(default=True)
    frozen_at = models.DateTimeField(default=timezone.now)
    backend_url = models.URLField(
        "model server",
        blank=True,
        validators=[HTTP_URL],
        help_text="Where this revision is served while it is compared.",
    )
    served_model_name = models.CharField(
        max_length=120, blank=True, help_text="The model's name there. Empty: as the release's."
    )
    yanked_at = models.DateTimeField(
        null=True, editable=False, help_text="Still served, with a warning: nobody should start with it."
    )
    yank_reason = models.CharField(max_length=500, blank=True, editable=False)

    objects = RevisionQuerySet.as_manager()

    class Meta:
        verbose_name = "revision"
        constraints = [
            models.UniqueConstraint(fields=["release", "commit"], name="one_revision_a_commit"),
            models.UniqueConstraint(
                fields=["release", "name"],
                condition=models.Q(is_current=True),
                name="one_current_revision_a_name",
            ),
            models.CheckConstraint(
                condition=models.Q(yanked_at=None, yank_reason="")
                | (models.Q(yanked_at__isnull=False) & ~models.Q(yank_reason="")),
                name="a_reason_for_every_yank",
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
    is_pickle = models.BooleanField(default=False, help_text="Loading it can run code.")

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


class BlobQuerySet(models.QuerySet["Blob"]):
    """Questions about many blobs."""

    def out_of_service(self) -> "BlobQuerySet":
        """Those whose stored bytes are not what was registered."""
        return self.filter(damaged_at__isnull=False)

    def to_scrub(self, *, before: datetime) -> "BlobQuerySet":
        """Those in service that were last read before then, or never: the longest ago first."""
        due = models.Q(scrubbed_at=None) | models.Q(scrubbed_at__lt=before)
        return self.filter(due, damaged_at=None).order_by(models.F("scrubbed_at").asc(nulls_first=True), "pk")

    def of_release(self, release: Release) -> "BlobQuerySet":
        """Those that any revision of `release` names."""
        named = WeightFile.objects.filter(revision__release=release, sha256=models.OuterRef("pk"))
        return self.filter(models.Exists(named))


class Blob(models.Model):
    """The bytes with one SHA-256, stored once however many files name them."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size_bytes = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)
    scrubbed_at = models.DateTimeField(null=True, help_text="When all of it was last read and hashed again.")
    damaged_at = models.DateTimeField(null=True, help_text="Since then out of service: the hash was another.")
    damage = models.CharField(max_length=300, blank=True)

    objects = BlobQuerySet.as_manager()

    class Meta:
        verbose_name = "blob"
        ordering = ["sha256"]
        indexes = [models.Index(models.F("scrubbed_at").asc(nulls_first=True), name="blobs_to_scrub")]

    def __str__(self) -> str:
        return f"sha256:{self.sha256[:12]}"


class Manifest(models.Model):
    """The signed list of a revision's files and their hashes, in the OpenSSF Model Signing format."""

    revision = models.OneToOneField(Revision, on_delete=models.PROTECT, related_name="manifest")
    bundle = models.TextField(help_text="A Sigstore bundle (JSON), as the model_signing tool reads it.")
    key_id = models.CharField(max_length=64, help_text="SHA-256 (hex) of the public key's DER form.")
    public_key = models.TextField(help_text="PEM, so that an old signature outlives a change of key.")
    signed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "signed manifest"

    def __str__(self) -> str:
        return f"manifest of {self.revision}"
