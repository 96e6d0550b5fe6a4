"""Reports that a key was seen where anybody can read it."""

from django.db import models
from django.utils import timezone

from portal.keys.models.keys import ApiKey


class LeakOutcome(models.TextChoices):
    """What a report led to."""

    REVOKED = "revoked", "The key was revoked"
    OVER = "over", "The key was over before"
    UNKNOWN = "unknown", "No such key"


class LeakReport(models.Model):
    """One report: where the key was seen and what came of it; never the key itself."""

    # What the reporter is given as a receipt.
    reference = models.CharField(max_length=20, unique=True)
    key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, related_name="leak_reports")
    outcome = models.CharField(max_length=10, choices=LeakOutcome)
    # Who says so, such as a scanner's name, and where it was.
    reporter = models.CharField(max_length=80)
    source = models.CharField(max_length=80, blank=True)
    seen_at_url = models.CharField(max_length=1000, blank=True)
    address = models.GenericIPAddressField(null=True)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "leak report"
        ordering = ["-received_at", "-pk"]

    def __str__(self) -> str:
        return self.reference
