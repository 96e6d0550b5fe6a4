"""Conversations, what was said in them, and the generations that answered: tables, states and questions."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from playground.batches.models import ApiFile, Batch, BatchLine
from portal.accounts.models import User
from portal.common.transitions import Moves
from portal.releases.models import Release

# Django looks for an app's tables here.
__all__ = [
    "ApiFile",
    "Batch",
    "BatchLine",
    "Conversation",
    "ConversationQuerySet",
    "Generation",
    "GenerationQuerySet",
    "GenerationStatus",
    "Turn",
]

# A typed page is some 3,000 characters; longer than this no context of a small model holds.
PROMPT_MAX_CHARACTERS = 100_000
SYSTEM_PROMPT_MAX_CHARACTERS = 20_000
DEFAULT_TEMPERATURE = 0.7
DEFAULT_MAX_TOKENS = 512


class GenerationStatus(models.TextChoices):
    """How far an answer has come."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


_S = GenerationStatus
MOVES: Moves = {
    _S.QUEUED: frozenset({_S.RUNNING, _S.CANCELLED, _S.FAILED}),
    # Back to the queue only when its worker died before anybody saw a token.
    _S.RUNNING: frozenset({_S.QUEUED, _S.DONE, _S.CANCELLED, _S.FAILED}),
}
LIVE = frozenset({_S.QUEUED, _S.RUNNING})
ENDED = frozenset({_S.DONE, _S.CANCELLED, _S.FAILED})


class ConversationQuerySet(models.QuerySet["Conversation"]):
    """Questions about many conversations."""

    def visible_to(self, user: User) -> "ConversationQuerySet":
        """The person's own: nobody else reads a conversation."""
        return self.filter(user=user)


class Conversation(models.Model):
    """One person's talk with one release, with the settings that its next generation will take."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="conversations")
    title = models.CharField(max_length=120)
    system_prompt = models.TextField(blank=True)
    temperature = models.FloatField(default=DEFAULT_TEMPERATURE)
    max_tokens = models.PositiveIntegerField(default=DEFAULT_MAX_TOKENS)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = "conversation"
        ordering = ["-updated_at"]
        indexes = [models.Index(fields=["user", "-updated_at"], name="conversations_of_a_person")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(temperature__gte=0, temperature__lte=2), name="temperature_within_0_and_2"
            ),
            models.CheckConstraint(condition=models.Q(max_tokens__gte=1), name="at_least_one_token"),
        ]

    def __str__(self) -> str:
        return f"conversation {self.pk}"

    def get_absolute_url(self) -> str:
        """The conversation's page."""
        return reverse("playground_conversation", args=[self.pk])


class Turn(models.Model):
    """What a person said. It continues an answer (None: it opens the talk), so turns form a tree.

    `send_key` comes from the form's own token, so that a form sent twice says a thing once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="turns")
    follows = models.ForeignKey(
        "Generation", null=True, on_delete=models.SET_NULL, related_name="continued_by"
    )
    prompt = models.TextField()
    send_key = models.UUIDField(unique=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "turn"
        ordering = ["created_at"]
        indexes = [models.Index(fields=["conversation", "created_at"], name="turns_in_order")]

    def __str__(self) -> str:
        return f"turn {self.pk}"


class GenerationQuerySet(models.QuerySet["Generation"]):
    """Questions about many generations."""

    def visible_to(self, user: User) -> "GenerationQuerySet":
        """Those in the person's own conversations."""
        return self.filter(turn__conversation__user=user)

    def live(self) -> "GenerationQuerySet":
        """Those that have not ended."""
        return self.filter(status__in=LIVE)

    def with_story(self) -> "GenerationQuerySet":
        """With turn, conversation, person and release in the same query."""
        return self.select_related("turn__conversation__user", "turn__conversation__release")


class Generation(models.Model):
    """One answer of a model to one turn, with the parameters that it was asked for frozen in it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="generations")
    status = models.CharField(max_length=10, choices=GenerationStatus, default=_S.QUEUED, editable=False)
    params = models.JSONField(help_text="model, revision, system_prompt, temperature, max_tokens.")
    text = models.TextField(blank=True)
    finish_reason = models.CharField(max_length=30, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True)
    completion_tokens = models.PositiveIntegerField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0, help_text="How many workers took it up.")
    queued_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(
        null=True, help_text="When its task was last sent; None while it waits for the model to load."
    )
    started_at = models.DateTimeField(null=True)
    first_token_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = GenerationQuerySet.as_manager()

    class Meta:
        verbose_name = "answer"
        ordering = ["queued_at"]
        indexes = [
            models.Index(fields=["turn", "queued_at"], name="answers_of_a_turn"),
            models.Index(
                fields=["status", "queued_at"],
                name="live_answers",
                condition=models.Q(status__in=["queued", "running"]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["queued", "running"], ended_at=None)
                | models.Q(status__in=["done", "cancelled", "failed"], ended_at__isnull=False),
                name="an_ended_answer_has_its_time",
            ),
        ]

    def __str__(self) -> str:
        return f"answer {self.pk}"

    @property
    def is_live(self) -> bool:
        """Whether somebody works on it or will."""
        return self.status in LIVE

    @property
    def is_retryable(self) -> bool:
        """Whether Retry makes sense."""
        return self.status in {_S.FAILED, _S.CANCELLED}

    @property
    def release(self) -> Release:
        """The release that answers."""
        return self.turn.conversation.release

    @property
    def queue_seconds(self) -> float | None:
        """How long it waited for a worker."""
        return _seconds(self.queued_at, self.started_at)

    @property
    def first_token_seconds(self) -> float | None:
        """From a worker's taking it up to the model's first token."""
        return _seconds(self.started_at, self.first_token_at)

    @property
    def tokens_per_second(self) -> float | None:
        """The pace after the first token; None where there are fewer than two tokens."""
        seconds = _seconds(self.first_token_at, self.ended_at)
        if not seconds or not self.completion_tokens or self.completion_tokens < 2:  # noqa: PLR2004
            return None
        return (self.completion_tokens - 1) / seconds


def _seconds(start: Any, end: Any) -> float | None:
    return max(0.0, (end - start).total_seconds()) if start and end else None
