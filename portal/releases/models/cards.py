"""What is written and measured about a release: its card, its documentation form, a revision's numbers."""

import hashlib

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.releases.models.releases import Release
from portal.releases.models.revisions import Revision


def text_sha256(text: str) -> str:
    """The SHA-256 (hex) of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


class ModelCard(models.Model):
    """The model card of a release: one README.md, metadata and Markdown, as somebody wrote it."""

    release = models.OneToOneField(Release, on_delete=models.CASCADE, related_name="card")
    readme = models.TextField("README.md", help_text="Metadata between lines of ---, then Markdown.")
    saved_at = models.DateTimeField(default=timezone.now)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        verbose_name = "model card"

    def __str__(self) -> str:
        return f"card of {self.release}"


class Documentation(models.Model):
    """What only staff can say in the EU's documentation form of a release: texts by the field's code."""

    release = models.OneToOneField(Release, on_delete=models.CASCADE, related_name="documentation")
    answers = models.JSONField(default=dict)
    saved_at = models.DateTimeField(default=timezone.now)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        verbose_name = "documentation form"
        verbose_name_plural = "documentation forms"

    def __str__(self) -> str:
        return f"documentation of {self.release}"


class Measurement(models.Model):
    """What a revision's own files say in numbers: read once, since the files never change."""

    revision = models.OneToOneField(Revision, on_delete=models.CASCADE, related_name="measurement")
    parameter_counts = models.JSONField(
        default=dict, help_text="How many numbers of each dtype the safetensors files hold."
    )
    config = models.JSONField(default=dict, help_text="What config.json says of the architecture.")
    measured_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "measurement"

    def __str__(self) -> str:
        return f"measurement of {self.revision}"
