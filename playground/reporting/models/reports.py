"""Reports and the notes on them: tables, states and questions."""

from typing import Self

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string

from playground.models.generations import Generation
from playground.reporting import reasons
from playground.reporting.reasons import DismissReason
from portal.accounts.models import User
from portal.common.transitions import Moves
from portal.ledger.verbs import Verb
from portal.releases.models import Release

# As those of applications: no vowels and no look-alikes, since references are read out loud.
REFERENCE_ALPHABET = "23456789BCDFGHJKMNPQRTVWXZ"
DESCRIPTION_MAX_CHARACTERS = 10_000
MESSAGE_MAX_CHARACTERS = 4_000
# What one pastes of a conversation elsewhere; as long as the playground takes a message.
WORDS_MAX_CHARACTERS = 100_000


class ReportStatus(models.TextChoices):
    """How far a report has come."""

    NEW = "new", "New"
    TRIAGING = "triaging", "Being looked into"
    ACCEPTED = "accepted", "Accepted"
    DISMISSED = "dismissed", "Dismissed"
    FIXED = "fixed", "Fixed"


_S = ReportStatus
REPORT_MOVES: Moves = {
    _S.NEW: frozenset({_S.TRIAGING}),
    _S.TRIAGING: frozenset({_S.ACCEPTED, _S.DISMISSED}),
    _S.ACCEPTED: frozenset({_S.FIXED}),
}
# Those that wait for a decision, and those with which something is still to be done.
WAITING_STATUSES = (_S.NEW, _S.TRIAGING)
UNRESOLVED_STATUSES = (_S.NEW, _S.TRIAGING, _S.ACCEPTED)
INCIDENT_STATUSES = (_S.ACCEPTED, _S.FIXED)


class Category(models.TextChoices):
    """What a report is about; the first four are the areas that the release policy names."""

    CYBER = "cyber", "Cyber attacks"
    WEAPONS = "weapons", "Weapons"
    SELF_HARM = "self_harm", "Self-harm"
    FRAUD = "fraud", "Fraud and deception"
    HATE = "hate", "Hate or harassment"
    SEXUAL = "sexual", "Sexual content"
    PRIVACY = "privacy", "Personal data"
    MISUSE = "misuse", "Somebody uses the model to do harm"
    OTHER = "other", "Something else"


class Severity(models.IntegerChoices):
    """How bad it is; the higher the worse."""

    LOW = 1, "Low: odd, harms nobody"
    MEDIUM = 2, "Medium: could harm somebody"
    HIGH = 3, "High: gives real help to do harm"
    CRITICAL = 4, "Critical: harm is happening or near"

    @property
    def word(self) -> str:
        """Its name alone."""
        return str(self.label).partition(":")[0]


class ReportQuerySet(models.QuerySet["Report"]):
    """Questions about many reports."""

    def visible_to(self, user: User) -> Self:
        """Those that the person filed."""
        return self.filter(reporter=user)

    def waiting(self) -> Self:
        """Those that wait for a decision."""
        return self.filter(status__in=WAITING_STATUSES)

    def unresolved(self) -> Self:
        """Those with which something is still to be done."""
        return self.filter(status__in=UNRESOLVED_STATUSES)

    def incidents(self) -> Self:
        """Those that staff found to be true."""
        return self.filter(status__in=INCIDENT_STATUSES)


def new_reference() -> str:
    """A fresh public reference such as `REP-7KQ2MX9D` (about 37 bits)."""
    return f"REP-{get_random_string(8, REFERENCE_ALPHABET)}"


class Report(models.Model):
    """What one developer reported of one release, with a copy of the answer that it is about, if any.

    The copy stays when the conversation is deleted. `messages`, `answer` and those of `parameters` that
    hold words are empty unless the reporter let staff read them.
    """

    reference = models.CharField(max_length=12, unique=True, default=new_reference, editable=False)
    reporter = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reports")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="reports")
    revision_commit = models.CharField(max_length=40, blank=True, help_text="Empty where nobody knows it.")
    generation = models.ForeignKey(
        Generation,
        null=True,
        on_delete=models.SET_NULL,
        related_name="reports",
        help_text="The answer that it is about. None once that is deleted, and for what came by the API.",
    )
    is_of_playground = models.BooleanField(default=False, help_text="Filed from an answer, kept or deleted.")
    category = models.CharField(max_length=20, choices=Category)
    severity_felt = models.PositiveSmallIntegerField(choices=Severity, help_text="As the reporter felt it.")
    severity = models.PositiveSmallIntegerField(choices=Severity, help_text="As staff see it.")
    description = models.TextField()
    request_id = models.CharField(
        max_length=100, blank=True, help_text="The API's x-request-id, as the reporter wrote it."
    )
    may_read = models.BooleanField(default=False, help_text="The reporter lets staff read the conversation.")
    messages = models.JSONField(default=list, help_text="OpenAI's messages, as the model was sent them.")
    parameters = models.JSONField(default=dict, help_text="As playground.parameters names them.")
    answer = models.TextField(blank=True)
    tool_calls = models.JSONField(default=list, help_text="OpenAI's tool_calls.")
    status = models.CharField(max_length=10, choices=ReportStatus, default=_S.NEW, editable=False)
    dismiss_reason = models.CharField(max_length=20, choices=DismissReason, blank=True, editable=False)
    fixed_commit = models.CharField(max_length=40, blank=True, editable=False)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="assigned_reports",
    )
    unread_at = models.DateTimeField(
        null=True, editable=False, help_text="When the reporter wrote what nobody has answered."
    )
    send_key = models.UUIDField(unique=True, editable=False)
    reported_at = models.DateTimeField(default=timezone.now)

    objects = ReportQuerySet.as_manager()

    class Meta:
        verbose_name = "report"
        ordering = ["-reported_at"]
        permissions = [("triage_report", "Can triage reports of misuse and unsafe output")]
        indexes = [
            models.Index(fields=["status", "reported_at", "id"], name="reports_by_state"),
            models.Index(fields=["reported_at", "id"], name="reports_in_order"),
            models.Index(fields=["reporter", "-reported_at"], name="reports_of_a_person"),
            models.Index(fields=["release", "reported_at"], name="reports_of_a_release"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="dismissed", dismiss_reason__gt="")
                | (~models.Q(status="dismissed") & models.Q(dismiss_reason="")),
                name="a_reason_for_every_dismissal",
            ),
            models.CheckConstraint(
                condition=models.Q(status="fixed", fixed_commit__gt="")
                | (~models.Q(status="fixed") & models.Q(fixed_commit="")),
                name="a_revision_for_every_fix",
            ),
            models.CheckConstraint(
                condition=models.Q(may_read=True) | models.Q(messages=[], answer="", tool_calls=[]),
                name="no_words_without_consent",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def get_absolute_url(self) -> str:
        """Where its reporter follows it."""
        return reverse("reports:report", args=[self.reference])

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a decision."""
        return self.status in WAITING_STATUSES

    @property
    def is_unresolved(self) -> bool:
        """Whether something is still to be done with it."""
        return self.status in UNRESOLVED_STATUSES

    @property
    def severity_word(self) -> str:
        """How bad it is, as staff see it, in a word."""
        return Severity(self.severity).word

    @property
    def seed(self) -> int | None:
        """The seed with which the answer can be had again; None where nobody knows it."""
        seed: int | None = self.parameters.get("seed")
        return seed

    @property
    def dismiss_sentence(self) -> str:
        """Why it was dismissed; "" where only the message tells, and where it was not."""
        return reasons.sentence(self.dismiss_reason)

    @property
    def next_step(self) -> str:
        """What its reporter can do after the dismissal."""
        return reasons.next_step(self.dismiss_reason)


class ReportNote(models.Model):
    """One line of a report's history: a step, a message, or a note that only staff read."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="notes")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    verb = models.CharField(max_length=60, help_text="The ledger's word for the step.")
    message = models.TextField(blank=True)
    is_private = models.BooleanField(default=False, help_text="Only staff read it.")

    class Meta:
        verbose_name = "note on a report"
        verbose_name_plural = "notes on reports"
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.title}, {self.at:%-d %B %Y at %H:%M} UTC"

    @property
    def title(self) -> str:
        """What happened, in words."""
        return str(Verb(self.verb).label)
