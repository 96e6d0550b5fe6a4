"""Runs: one prompt with variables, asked once for each row of a table of cases."""

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from playground.models.conversations import Conversation
from playground.models.presets import PresetVersion
from portal.accounts.models import User
from portal.releases.models import Release


class PromptRunQuerySet(models.QuerySet["PromptRun"]):
    """Questions about many runs."""

    def visible_to(self, user: User) -> "PromptRunQuerySet":
        """The person's own."""
        return self.filter(user=user)


class PromptRun(models.Model):
    """A prompt with {{variables}} and the settings it is asked with, as they stood when it was started."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="prompt_runs")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="prompt_runs")
    preset_version = models.ForeignKey(
        PresetVersion, null=True, on_delete=models.SET_NULL, related_name="runs"
    )
    title = models.CharField(max_length=120)
    prompt = models.TextField()
    settings = models.JSONField(default=dict, help_text="As playground.parameters names them.")
    created_at = models.DateTimeField(default=timezone.now)
    cancelled_at = models.DateTimeField(null=True)

    objects = PromptRunQuerySet.as_manager()

    class Meta:
        verbose_name = "run"
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["user", "-created_at"], name="runs_of_a_person")]

    def __str__(self) -> str:
        return f"run {self.pk}"

    def get_absolute_url(self) -> str:
        """The run's page."""
        return reverse("playground_run", args=[self.pk])


class PromptCase(models.Model):
    """One row of the table: the variables' values, and the conversation in which it is answered."""

    run = models.ForeignKey(PromptRun, on_delete=models.CASCADE, related_name="cases")
    number = models.PositiveIntegerField()
    variables = models.JSONField(default=dict, help_text="Each variable's value, a text.")
    conversation = models.OneToOneField(
        Conversation, null=True, on_delete=models.SET_NULL, related_name="case"
    )

    class Meta:
        verbose_name = "case"
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_case_a_number")]

    def __str__(self) -> str:
        return f"case {self.number} of {self.run_id}"
