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
