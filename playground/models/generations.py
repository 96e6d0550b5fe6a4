"""What was said in a conversation, and the generations that answered: tables, states and questions."""

import uuid
from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models.functions import Coalesce, Left, NullIf
from django.utils import timezone

from playground import acknowledging
from playground.models.comparisons import unhidden
from playground.models.conversations import Conversation
from portal.accounts.models import User
from portal.common.transitions import Moves
from portal.releases.models import Release, Revision

# A typed page is some 3,000 characters; longer than this no context of a small model holds.
PROMPT_MAX_CHARACTERS = 100_000
# PostgreSQL refuses to index more than a megabyte of words in one row.
SEARCHED_CHARACTERS = 200_000


def words_of(column: str) -> SearchVector:
    """The words of `column`, in whatever language, as its index has them."""
    return SearchVector(Left(column, SEARCHED_CHARACTERS), config="simple")


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


class Turn(models.Model):
    """What a person said. It continues an answer (None: it opens the talk), so turns form a tree.

    Turns that continue the same answer are versions of each other. `tool_results` answer the tools
    that the answer before called, in OpenAI's shape: {"tool_call_id", "content"}.
    `send_key` comes from the form's own token, so that a form sent twice says a thing once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="turns")
    follows = models.ForeignKey(
        "Generation", null=True, on_delete=models.SET_NULL, related_name="continued_by"
    )
    prompt = models.TextField(blank=True)
    tool_results = models.JSONField(default=list)
    send_key = models.UUIDField(unique=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "turn"
        ordering = ["created_at"]
        indexes = [
            models.Index(fields=["conversation", "created_at"], name="turns_in_order"),
            GinIndex(words_of("prompt"), name="words_of_turns"),
        ]

    def __str__(self) -> str:
        return f"turn {self.pk}"


class GenerationQuerySet(models.QuerySet["Generation"]):
    """Questions about many generations."""

    def visible_to(self, user: User | int) -> "GenerationQuerySet":
        """Those in the person's own conversations, without what a blind comparison hides."""
        return self.asked_by(user).filter(unhidden("turn__conversation__comparison"))

    def asked_by(self, user: User | int) -> "GenerationQuerySet":
        """All that the person asked for. Of hidden ones no more may be told than text and state."""
        return self.filter(turn__conversation__user=user)

    def live(self) -> "GenerationQuerySet":
        """Those that have not ended."""
        return self.filter(status__in=LIVE)

    def at_server(self, backend_url: str) -> "GenerationQuerySet":
        """Those that are asked of the model server at an address ("": the portal's own)."""
        talk = "turn__conversation"
        of_revision = NullIf(f"{talk}__revision__backend_url", models.Value(""))
        server = Coalesce(of_revision, f"{talk}__release__backend_url")
        return self.alias(server=server).filter(server=backend_url)

    def with_story(self) -> "GenerationQuerySet":
        """With turn, conversation, person, release and revision in the same query."""
        story = "turn__conversation"
        return self.select_related(f"{story}__user", f"{story}__release", f"{story}__revision")

    def with_server(self) -> "GenerationQuerySet":
        """With where it is answered in the same query, and hardly anything else."""
        talk = "turn__conversation"
        return self.select_related(f"{talk}__release", f"{talk}__revision").only(
            f"{talk}__release__backend_url", f"{talk}__revision__backend_url"
        )


class Generation(models.Model):
    """One answer of a model to one turn, with the parameters that it was asked for frozen in it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="generations")
    status = models.CharField(max_length=10, choices=GenerationStatus, default=_S.QUEUED, editable=False)
    params = models.JSONField(help_text="model, revision, and the settings of playground.parameters.")
    prefix = models.TextField(blank=True, help_text="What it goes on from; `text` begins with it.")
    text = models.TextField(blank=True)
    tool_calls = models.JSONField(default=list, help_text="OpenAI's tool_calls.")
    logprobs = models.JSONField(
        default=list,
        help_text="For each token: text, log-probability, and [text, log-probability] of others.",
    )
    is_imported = models.BooleanField(default=False, help_text="It came with a file; no model said it here.")
    session_digest = models.CharField(
        max_length=64,
        blank=True,
        help_text="SHA-256 (hex) of the session that asked, which it does not outlive.",
    )
    finish_reason = models.CharField(max_length=30, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    held_tokens = models.PositiveIntegerField(
        null=True, help_text="The most it could have come to, which its limits held meanwhile."
    )
    returned_tokens = models.PositiveIntegerField(
        null=True, help_text="What of that its limits had again at its end."
    )
    quota_tokens = models.PositiveBigIntegerField(null=True, help_text="The limit that is nearest.")
    quota_left = models.PositiveBigIntegerField(null=True, help_text="What that leaves behind this answer.")
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
            GinIndex(words_of("text"), name="words_of_answers"),
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
    def can_go_on(self) -> bool:
        """Whether the model could write on where this ended."""
        return bool(self.text) and not self.is_live and not self.tool_calls

    @property
    def awaits_results(self) -> bool:
        """Whether it called tools and the model could be told what they returned."""
        return self.status == _S.DONE and bool(self.tool_calls)

    @property
    def release(self) -> Release:
        """The release that answers."""
        return self.turn.conversation.release

    @property
    def revision(self) -> Revision | None:
        """The revision that answers where it is not the release's own model server."""
        return self.turn.conversation.revision

    @property
    def server_url(self) -> str:
        """The address of the model server that is asked; "" for the portal's own."""
        revision = self.revision
        return (revision.backend_url if revision else "") or self.release.backend_url

    @property
    def queue_seconds(self) -> float | None:
        """How long it waited for a worker."""
        return _seconds(self.queued_at, self.started_at)

    @property
    def first_token_seconds(self) -> float | None:
        """From a worker's taking it up to the model's first token."""
        return _seconds(self.started_at, self.first_token_at)

    @property
    def cost_tokens(self) -> int | None:
        """What counts towards its limits; None where nobody knows."""
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return self.prompt_tokens + self.completion_tokens

    @property
    def stop_told(self) -> str:
        """What its stop is acknowledged with: what is kept of it, and what its limits have again."""
        given_back = acknowledging.given_back(
            is_begun=self.started_at is not None, held=self.held_tokens, returned=self.returned_tokens
        )
        return f"{acknowledging.kept(self.text, tokens=self.completion_tokens)} {given_back}".strip()

    @property
    def tokens_per_second(self) -> float | None:
        """The pace after the first token; None where there are fewer than two tokens."""
        seconds = _seconds(self.first_token_at, self.ended_at)
        if not seconds or not self.completion_tokens or self.completion_tokens < 2:  # noqa: PLR2004
            return None
        return (self.completion_tokens - 1) / seconds


def _seconds(start: Any, end: Any) -> float | None:
    return max(0.0, (end - start).total_seconds()) if start and end else None
