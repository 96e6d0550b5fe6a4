"""The links that stand in for a key."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.releases.models import Release, WeightFile


class DownloadLinkQuerySet(models.QuerySet["DownloadLink"]):
    """Questions about many links."""

    def visible_to(self, user: object) -> "DownloadLinkQuerySet":
        """The links that `user` made, newest first."""
        return self.filter(user=user).order_by("-created_at")

    def of(self, release: Release) -> "DownloadLinkQuerySet":
        """The links to files of `release`, these and their revisions loaded."""
        return self.filter(file__revision__release=release).select_related("file__revision")

    def live(self, *, at: datetime | None = None) -> "DownloadLinkQuerySet":
        """The links that work at `at` (None: now), if the gates are open."""
        return self.filter(revoked_at=None, expires_at__gt=at or timezone.now(), left_bytes__gt=0)


class DownloadLink(models.Model):
    """An address that gives one person one file without a key, for a while and so many times.

    Its uses are counted in bytes: a link for five downloads lets five times the file's
    size leave, in however many pieces, so that parallel and resumed downloads count once.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="download_links"
    )
    file = models.ForeignKey(WeightFile, on_delete=models.PROTECT, related_name="links")
    public_id = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64, help_text="HMAC-SHA256 of the address's secret part.")
    uses_max = models.PositiveSmallIntegerField()
    left_bytes = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    objects = DownloadLinkQuerySet.as_manager()

    class Meta:
        verbose_name = "download link"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"link of {self.user} to {self.file.path}"

    @property
    def uses_left(self) -> float:
        """How many whole downloads are left, to a tenth; parts count as parts. Its file is loaded."""
        return round(self.left_bytes / max(self.file.size_bytes, 1), 1)
