"""The record of every download, and the links that stand in for a key."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.keys.models import ApiKey
from portal.licensing.models import Acceptance
from portal.releases.models import WeightFile


class DownloadLinkQuerySet(models.QuerySet["DownloadLink"]):
    """Questions about many links."""

    def visible_to(self, user: object) -> "DownloadLinkQuerySet":
        """The links that `user` made, newest first."""
        return self.filter(user=user).order_by("-created_at")

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


class Carrier(models.TextChoices):
    """Who moves a download's bytes."""

    PORTAL = "portal", "The portal itself"
    NGINX = "nginx", "nginx"
    BUCKET = "bucket", "Object storage"


class Download(models.Model):
    """One answered request for a file's bytes: who, what, under which acceptance, and how much left."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="downloads")
    key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, help_text="None in the browser.")
    link = models.ForeignKey(DownloadLink, null=True, on_delete=models.SET_NULL, related_name="downloads")
    file = models.ForeignKey(WeightFile, on_delete=models.PROTECT, related_name="downloads")
    acceptance = models.ForeignKey(Acceptance, null=True, on_delete=models.PROTECT)
    spans = models.JSONField(help_text="The ranges: first and last byte, both included, as in Content-Range.")
    asked_bytes = models.BigIntegerField()
    sent_bytes = models.BigIntegerField(
        default=0, help_text="What really left; object storage does not tell, and counts as what was asked."
    )
    carrier = models.CharField(max_length=10, choices=Carrier, default=Carrier.PORTAL)
    address = models.GenericIPAddressField(null=True)
    client = models.CharField("user agent", max_length=200, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    alive_at = models.DateTimeField(default=timezone.now, help_text="The last sign of life of who moves it.")
    ended_at = models.DateTimeField(null=True)
    connection = models.CharField(
        max_length=110, blank=True, help_text="With nginx: the client's address and port, and those it reached."
    )
    cut_reason = models.CharField(max_length=300, blank=True, help_text="Why the portal ended it early.")

    class Meta:
        verbose_name = "download"
        ordering = ["-started_at"]
        indexes = [
            models.Index(fields=["user", "-started_at"], name="downloads_by_person"),
            models.Index(fields=["alive_at"], condition=models.Q(ended_at=None), name="downloads_under_way"),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.file}"
