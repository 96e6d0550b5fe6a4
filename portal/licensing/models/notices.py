"""Mails about a version to those who accepted the licence: each kind once to each person."""

from datetime import datetime, timedelta

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


# Above the longest time that a claimed mail takes to a slow provider. An older claim is a killed
# worker's, or of a mail that the provider did not take.
CLAIM_LASTS = timedelta(minutes=10)
# Six hours of a provider that is away; an address that is refused for good is tried no longer either.
ATTEMPTS_MAX = 36


class NoticeQuerySet(models.QuerySet["Notice"]):
    """Questions about many notices."""

    def waiting(self, *, at: datetime | None = None) -> "NoticeQuerySet":
        """Those that nobody has sent, nor has in hand at `at` (None: now)."""
        long_ago = (at or timezone.now()) - CLAIM_LASTS
        is_free = models.Q(claimed_at=None) | models.Q(claimed_at__lt=long_ago)
        return self.filter(is_free, sent_at=None, attempts__lt=ATTEMPTS_MAX)

    def given_up(self) -> "NoticeQuerySet":
        """Those that were tried as often as they may be, and have not left by now."""
        long_ago = timezone.now() - CLAIM_LASTS
        return self.filter(sent_at=None, attempts__gte=ATTEMPTS_MAX, claimed_at__lt=long_ago)


class Notice(models.Model):
    """One mail to one person: claimed by the worker that hands it over, and sent once it has left."""

    version = models.ForeignKey(LicenceVersion, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=NoticeKind)
    # A version whose day is set anew is told anew.
    published_at = models.DateTimeField(help_text="The day that the mail speaks of.")
    created_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

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
