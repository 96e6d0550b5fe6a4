"""API keys, of which only a keyed hash is stored."""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone


class Scope(models.TextChoices):
    """What a key may be used for."""

    INFERENCE = "inference", "Call models through the API"
    WEIGHTS = "weights", "Download weights"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Questions about many keys."""

    def visible_to(self, user: object) -> "ApiKeyQuerySet":
        """The keys that `user` owns, newest first."""
        return self.filter(user=user).order_by("-created_at")  # type: ignore[misc]

    def live(self, *, at: datetime | None = None) -> "ApiKeyQuerySet":
        """The keys that work at `at` (None: now)."""
        moment = at or timezone.now()
        return self.filter(revoked_at=None).filter(
            models.Q(expires_at=None) | models.Q(expires_at__gt=moment)
        )


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

    def __str__(self) -> str:
        return f"owk_{self.public_id}… ({self.name})"

    @property
    def is_live(self) -> bool:
        """Whether the key works now."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())
