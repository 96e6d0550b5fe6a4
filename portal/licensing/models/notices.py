"""Mails about a version to those who accepted the licence: each kind once to each person."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.licensing.models.licences import LicenceVersion


class NoticeKind(models.TextChoices):
    """What the mail is about."""

    ANNOUNCED = "announced", "It is in force, or will be on a day"
    CALLED_OFF = "called_off", "It does not come on that day after all"
    WEEK = "week", "A week of grace is left"
    DAY = "day", "A day of grace is left"


class Notice(models.Model):
    """One mail to one person; `sent_at` is claimed by the worker that sends it."""

    version = models.ForeignKey(LicenceVersion, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=NoticeKind)
    # A version whose day is set anew is told anew.
    published_at = models.DateTimeField(help_text="The day that the mail speaks of.")
    must_accept = models.BooleanField(help_text="Whether the person must accept this version to go on.")
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "notice of a version"
        verbose_name_plural = "notices of versions"
        constraints = [
            models.UniqueConstraint(
                fields=["version", "user", "kind", "published_at"], name="told_once_of_a_day"
            )
        ]
        indexes = [
            models.Index(fields=["id"], name="notices_to_send", condition=models.Q(sent_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.version} to {self.user}"
