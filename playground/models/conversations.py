"""Conversations, and what a person prefers for all of them."""

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from playground.models.comparisons import Comparison, unhidden
from portal.accounts.models import User
from portal.releases.models import Release, Revision

TITLE_CHARACTERS = 120


class ConversationKind(models.TextChoices):
    """Where a conversation is shown."""

    TALK = "talk", "Conversation"
    COLUMN = "column", "Column of a comparison"
    CASE = "case", "Case of a run"


class ConversationQuerySet(models.QuerySet["Conversation"]):
    """Questions about many conversations."""

    def visible_to(self, user: User | int) -> "ConversationQuerySet":
        """The person's own: nobody else reads a conversation, unless it is shared with them.

        Without the columns of a blind comparison, which would tell what they are.
        """
        return self.filter(unhidden("comparison"), user=user)

    def talks(self) -> "ConversationQuerySet":
        """Those that stand in the side bar: the pinned first, then the newest."""
        pinned_first = models.F("pinned_at").desc(nulls_last=True)
        return self.filter(kind=ConversationKind.TALK).order_by(pinned_first, "-updated_at")


class Conversation(models.Model):
    """One person's talk with one release, with the settings that its next generation will take."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="conversations")
    revision = models.ForeignKey(
        Revision,
        null=True,
        on_delete=models.SET_NULL,
        related_name="conversations",
        help_text="The one that answers, where it is served beside the release's own. None: the release's.",
    )
    kind = models.CharField(max_length=10, choices=ConversationKind, default=ConversationKind.TALK)
    title = models.CharField(max_length=TITLE_CHARACTERS)
    settings = models.JSONField(default=dict, help_text="As playground.parameters names them.")
    pinned_at = models.DateTimeField(null=True)
    is_unkept = models.BooleanField(default=False, help_text="All of it is deleted when it ends.")
    comparison = models.ForeignKey(Comparison, null=True, on_delete=models.CASCADE, related_name="columns")
    column = models.PositiveSmallIntegerField(null=True, help_text="Its place in the comparison, from 0.")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = "conversation"
        ordering = ["-updated_at"]
        indexes = [
            models.Index(fields=["user", "-updated_at"], name="conversations_of_a_person"),
            models.Index(
                fields=["updated_at"], name="unkept_conversations", condition=models.Q(is_unkept=True)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    kind=ConversationKind.COLUMN, comparison__isnull=False, column__isnull=False
                )
                | (~models.Q(kind=ConversationKind.COLUMN) & models.Q(comparison=None, column=None)),
                name="a_column_has_its_comparison",
            ),
            models.UniqueConstraint(fields=["comparison", "column"], name="one_conversation_a_column"),
        ]

    def __str__(self) -> str:
        return f"conversation {self.pk}"

    def get_absolute_url(self) -> str:
        """The conversation's page; a column stands on its comparison's."""
        if self.kind == ConversationKind.COLUMN:
            return reverse("playground_comparison", args=[self.comparison_id])
        return reverse("playground_conversation", args=[self.pk])


class PlaygroundPreferences(models.Model):
    """What one person wants for all their conversations."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="playground_preferences"
    )
    retention_days = models.PositiveSmallIntegerField(
        null=True, help_text="Conversations at rest for longer are deleted, pinned ones not. None: never."
    )

    class Meta:
        verbose_name = "playground preferences"
        verbose_name_plural = "playground preferences"

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"
