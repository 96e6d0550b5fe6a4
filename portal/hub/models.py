"""The record of every download."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.keys.models import ApiKey
from portal.licensing.models import Acceptance
from portal.releases.models import WeightFile


class Download(models.Model):
    """One answered request for a file's bytes: who, what, under which acceptance, and how much left."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="downloads")
    key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, help_text="None in the browser.")
    file = models.ForeignKey(WeightFile, on_delete=models.PROTECT, related_name="downloads")
    acceptance = models.ForeignKey(Acceptance, null=True, on_delete=models.PROTECT)
    first_byte = models.BigIntegerField(default=0)
    last_byte = models.BigIntegerField(help_text="Inclusive, as in Content-Range.")
    sent_bytes = models.BigIntegerField(default=0)
    address = models.GenericIPAddressField(null=True)
    client = models.CharField("user agent", max_length=200, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "download"
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["user", "-started_at"], name="downloads_by_person")]

    def __str__(self) -> str:
        return f"{self.user} {self.file}"
