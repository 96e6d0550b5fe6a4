"""Programs that ask for a key by showing a code, and the tokens with which they renew it."""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from portal.common.transitions import Moves
from portal.keys.models.keys import ApiKey


class DeviceLoginStatus(models.TextChoices):
    """Where a sign-in stands."""

    PENDING = "pending", "Waiting for an answer"
    APPROVED = "approved", "Allowed"
    DENIED = "denied", "Denied"
    FETCHED = "fetched", "Done"


DEVICE_LOGIN_MOVES: Moves = {
    DeviceLoginStatus.PENDING: frozenset({DeviceLoginStatus.APPROVED, DeviceLoginStatus.DENIED}),
    DeviceLoginStatus.APPROVED: frozenset({DeviceLoginStatus.FETCHED}),
}


class DeviceLogin(models.Model):
    """One sign-in of a program by device code (RFC 8628); its codes are good until `expires_at`."""

    # The program's secret, of which only a keyed hash is stored.
    device_digest = models.CharField(max_length=64, unique=True)
    # What a person types.
    user_code = models.CharField(max_length=8, unique=True)
    # What the program says of itself, and from where.
    client = models.CharField(max_length=200, blank=True)
    address = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    polled_at = models.DateTimeField(null=True)
    interval_seconds = models.PositiveSmallIntegerField()
    status = models.CharField(
        max_length=10, choices=DeviceLoginStatus, default=DeviceLoginStatus.PENDING, editable=False
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    key_name = models.CharField(max_length=80, blank=True)
    scopes = ArrayField(models.CharField(max_length=20), default=list)

    class Meta:
        verbose_name = "sign-in of a device"
        verbose_name_plural = "sign-ins of devices"
        indexes = [models.Index(fields=["address", "created_at"])]

    def __str__(self) -> str:
        return self.shown_code

    @property
    def shown_code(self) -> str:
        """The code as people read it: `BCDF-GHJK`."""
        return f"{self.user_code[:4]}-{self.user_code[4:]}"

    def is_open(self, *, at: datetime | None = None) -> bool:
        """Whether somebody may still answer it."""
        return self.status == DeviceLoginStatus.PENDING and self.expires_at > (at or timezone.now())


class RefreshToken(models.Model):
    """A token that is good for one renewal of `key`; using it twice ends the key (RFC 9700, 4.14)."""

    digest = models.CharField(max_length=64, unique=True)
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+")
    issued_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "refresh token"

    def __str__(self) -> str:
        return f"for {self.key.prefix}"
