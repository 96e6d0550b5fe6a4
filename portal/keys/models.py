"""API keys, of which only a keyed hash is stored, and what was used with each."""

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from portal.releases.models import Release


class Scope(models.TextChoices):
    """What a key may be used for."""

    INFERENCE = "inference", "Call models through the API"
    WEIGHTS = "weights", "Download weights"
    REVIEW = "review", "Administer access requests"


# What a developer's key is for; to review is offered to those who may.
DEVELOPER_SCOPES = (Scope.INFERENCE, Scope.WEIGHTS)
REVIEW_PERMISSION = "admissions.review_application"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Questions about many keys."""

    def visible_to(self, user: object) -> "ApiKeyQuerySet":
        """The keys that `user` owns, live ones first, then newest first."""
        is_over = models.Q(revoked_at__isnull=False)
        return self.filter(user=user).order_by(
            models.Case(models.When(is_over, then=1), default=0), "-created_at"
        )

    def live(self, *, at: datetime | None = None) -> "ApiKeyQuerySet":
        """The keys that work at `at` (None: now)."""
        moment = at or timezone.now()
        return self.filter(revoked_at=None).filter(
            models.Q(expires_at=None) | models.Q(expires_at__gt=moment)
        )

    def used_before(self, moment: datetime) -> "ApiKeyQuerySet":
        """The keys whose recorded last use lies before `moment`, or that have none."""
        return self.filter(models.Q(last_used_at=None) | models.Q(last_used_at__lt=moment))


class ApiKey(models.Model):
    """A key; `public_id` finds it, `digest` (HMAC-SHA256 under the pepper) proves it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    public_id = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.prefix} ({self.name})"

    @property
    def prefix(self) -> str:
        """What may be shown of the key for ever: enough to recognise it, nothing to use it."""
        return f"owk_{self.public_id}…"

    @property
    def status(self) -> str:
        """`revoked`, `expired` or `live`."""
        if self.revoked_at is not None:
            return "revoked"
        return "live" if self.is_live else "expired"

    @property
    def is_live(self) -> bool:
        """Whether the key works now."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    @property
    def scope_labels(self) -> list[str]:
        """The scopes in words."""
        return [str(Scope(scope).label) for scope in self.scopes]


# Rows of `values()`: names to numbers.
Sums = models.QuerySet[Any, dict[str, Any]]


class DailyUsageQuerySet(models.QuerySet["DailyUsage"]):
    """Questions about many days."""

    def visible_to(self, user: object) -> "DailyUsageQuerySet":
        """The usage of the keys that `user` owns."""
        return self.filter(key__user=user)

    def since(self, day: date) -> "DailyUsageQuerySet":
        """The usage from `day` on."""
        return self.filter(day__gte=day)

    def totals(self) -> dict[str, Any]:
        """Requests, failures and tokens over all of these rows. One query."""
        return self.aggregate(**_SUMS)

    def by_day(self) -> Sums:
        """The same for each day, newest first."""
        rows: Sums = self.values("day").annotate(**_SUMS).order_by("-day")
        return rows

    def by_key(self) -> Sums:
        """The same for each key and release, the busiest first."""
        names = ("key__name", "key__public_id", "release__name")
        rows: Sums = self.values(*names).annotate(**_SUMS)
        return rows.order_by("-requests", "key__public_id", "release__name")


_SUMS = {
    name: models.functions.Coalesce(models.Sum(f"{name}_count"), 0)
    for name in ("requests", "failures", "prompt_tokens", "completion_tokens")
}


class DailyUsage(models.Model):
    """What one key did with one release on one day (UTC)."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="daily_usage")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    requests_count = models.PositiveBigIntegerField("requests", default=0)
    failures_count = models.PositiveBigIntegerField("failed requests", default=0)
    prompt_tokens_count = models.PositiveBigIntegerField("prompt tokens", default=0)
    completion_tokens_count = models.PositiveBigIntegerField("completion tokens", default=0)

    objects = DailyUsageQuerySet.as_manager()

    class Meta:
        verbose_name = "daily usage"
        verbose_name_plural = "daily usage"
        constraints = [
            models.UniqueConstraint(fields=["key", "release", "day"], name="one_usage_row_a_key_release_day"),
        ]

    def __str__(self) -> str:
        return f"{self.key.prefix} {self.day}"


class UsageCursor(models.Model):
    """How far the usage stream has been written to the database; moved in the transaction of the write."""

    stream = models.CharField(max_length=60, primary_key=True)
    last_id = models.CharField(max_length=40, default="0-0")

    class Meta:
        verbose_name = "usage cursor"

    def __str__(self) -> str:
        return f"{self.stream} up to {self.last_id}"
