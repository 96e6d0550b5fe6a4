"""Share links: one branch of a conversation as it stood, for others to read and to reproduce."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from playground.models.conversations import Conversation
from playground.models.generations import Generation
from portal.accounts.models import User


class Audience(models.TextChoices):
    """Who may read what a link leads to."""

    PRIVATE = "private", "Only you"
    APPROVED = "approved", "Anyone approved for the release"
    SHOWCASE = "showcase", "Everyone, on the release's showcase"


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    """Questions about many links."""

    def visible_to(self, user: User) -> "ShareLinkQuerySet":
        """Those that the person made."""
        return self.filter(user=user)

    def working(self, *, at: datetime | None = None) -> "ShareLinkQuerySet":
        """Those neither revoked nor over at `at` (None: now)."""
        over = models.Q(expires_at__lte=at or timezone.now())
        return self.filter(revoked_at=None).exclude(over)


class ShareLink(models.Model):
    """A link to the branch that ends in `at`. The id is the address, and nobody guesses it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="share_links")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="share_links")
    at = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="share_links")
    title = models.CharField(max_length=120)
    audience = models.CharField(max_length=10, choices=Audience, default=Audience.PRIVATE)
    view_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, help_text="None: until it is revoked.")
    revoked_at = models.DateTimeField(null=True)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        verbose_name = "share link"
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["user", "-created_at"], name="share_links_of_a_person")]

    def __str__(self) -> str:
        return f"share link {self.pk}"

    def get_absolute_url(self) -> str:
        """What is shared."""
        return reverse("playground_shared", args=[self.pk])
