"""Presets: settings and a prompt under a name, in versions that never change."""

import secrets
import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.releases.models import Release


def new_preset_id() -> str:
    """An id that nobody guesses, for the API's field `preset_id`."""
    return f"preset_{secrets.token_hex(12)}"


class PresetQuerySet(models.QuerySet["Preset"]):
    """Questions about many presets."""

    def visible_to(self, user: User) -> "PresetQuerySet":
        """The person's own."""
        return self.filter(user=user)

    def in_use(self) -> "PresetQuerySet":
        """Those that were not put away."""
        return self.filter(archived_at=None)


class Preset(models.Model):
    """A name for settings and a prompt. `preset_id` stands for its newest version in API requests."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    preset_id = models.CharField(max_length=40, unique=True, default=new_preset_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="presets")
    name = models.CharField(max_length=80)
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = PresetQuerySet.as_manager()

    class Meta:
        verbose_name = "preset"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"], condition=models.Q(archived_at=None), name="one_preset_a_name"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The preset's page."""
        return reverse("playground_preset", args=[self.pk])


class PresetVersion(models.Model):
    """One version of a preset. Saving a preset again adds one; none is changed."""

    preset = models.ForeignKey(Preset, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    release = models.ForeignKey(Release, null=True, on_delete=models.SET_NULL, related_name="preset_versions")
    settings = models.JSONField(default=dict, help_text="As playground.parameters names them.")
    prompt = models.TextField(blank=True, help_text="May hold variables as {{name}}.")
    note = models.CharField(max_length=200, blank=True, help_text="What was changed.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "preset version"
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["preset", "number"], name="one_preset_version_a_number")
        ]

    def __str__(self) -> str:
        return f"{self.preset_id} version {self.number}"
