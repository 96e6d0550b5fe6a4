"""Programmes with their questions, applications, and what happened to each."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.crypto import get_random_string

from portal.common.transitions import Moves
from portal.releases.models import Release

# No vowels and no look-alikes: references are read out loud and must not spell words.
REFERENCE_ALPHABET = "23456789BCDFGHJKMNPQRTVWXZ"


class Programme(models.Model):
    """What people apply to, and the releases that an approval opens."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    summary = models.CharField(max_length=300, blank=True)
    description = models.TextField(blank=True, help_text="Markdown.")
    use_policy = models.TextField(blank=True, help_text="Markdown. What applicants agree to.")
    is_open = models.BooleanField("takes applications", default=True)
    releases = models.ManyToManyField(Release, related_name="programmes", blank=True)

    class Meta:
        verbose_name = "programme"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Where people apply."""
        return f"/apply/{self.slug}/"


class QuestionKind(models.TextChoices):
    """What kind of answer a question takes."""

    SHORT_TEXT = "short_text", "Short text"
    LONG_TEXT = "long_text", "Long text"
    CHOICE = "choice", "One of several"
    COUNTRY = "country", "Country"
    CONSENT = "consent", "Consent"


class Question(models.Model):
    """One question of a programme's form."""

    programme = models.ForeignKey(Programme, on_delete=models.CASCADE, related_name="questions")
    position = models.PositiveSmallIntegerField()
    code = models.SlugField(max_length=50)
    kind = models.CharField(max_length=20, choices=QuestionKind)
    label = models.CharField(max_length=200)
    help_text = models.CharField(max_length=500, blank=True)
    is_required = models.BooleanField(default=True)
    choices = models.JSONField(default=list, blank=True, help_text="A list of labels, for one of several.")

    class Meta:
        verbose_name = "question"
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["programme", "code"], name="one_question_a_code")]

    def __str__(self) -> str:
        return self.label


class ApplicationStatus(models.TextChoices):
    """Where an application stands."""

    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    IN_REVIEW = "in_review", "In review"
    INFORMATION_REQUESTED = "information_requested", "Information requested"
    APPROVED = "approved", "Approved"
    WAITLISTED = "waitlisted", "Waitlisted"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    REVOKED = "revoked", "Revoked"


_S = ApplicationStatus
APPLICATION_MOVES: Moves = {
    _S.DRAFT: frozenset({_S.SUBMITTED, _S.WITHDRAWN}),
    _S.SUBMITTED: frozenset({_S.IN_REVIEW, _S.WITHDRAWN}),
    _S.IN_REVIEW: frozenset(
        {_S.INFORMATION_REQUESTED, _S.APPROVED, _S.WAITLISTED, _S.DECLINED, _S.WITHDRAWN}
    ),
    _S.INFORMATION_REQUESTED: frozenset({_S.IN_REVIEW, _S.WITHDRAWN}),
    _S.WAITLISTED: frozenset({_S.APPROVED, _S.DECLINED, _S.WITHDRAWN}),
    _S.APPROVED: frozenset({_S.REVOKED}),
}
OPEN_STATUSES = frozenset({_S.SUBMITTED, _S.IN_REVIEW, _S.INFORMATION_REQUESTED, _S.WAITLISTED})


class ApplicationQuerySet(models.QuerySet["Application"]):
    """Questions about many applications."""

    def awaiting_review(self) -> "ApplicationQuerySet":
        """Those that a reviewer should look at, oldest first."""
        return self.filter(status__in=[_S.SUBMITTED, _S.IN_REVIEW]).order_by("submitted_at", "pk")

    def approved_for(self, release: Release) -> "ApplicationQuerySet":
        """The approved ones whose programme opens `release`."""
        return self.filter(status=_S.APPROVED, programme__releases=release)


def new_reference() -> str:
    """A fresh public reference such as `REQ-7KQ2MX9D` (about 37 bits)."""
    return f"REQ-{get_random_string(8, REFERENCE_ALPHABET)}"


class Application(models.Model):
    """One person's application to one programme."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="applications")
    applicant = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="applications"
    )
    reference = models.CharField(max_length=12, unique=True, default=new_reference, editable=False)
    status = models.CharField(max_length=30, choices=ApplicationStatus, default=_S.DRAFT, editable=False)
    answers = models.JSONField(default=dict, help_text="Question code to answer.")
    asked = models.JSONField(default=list, help_text="The questions as they stood at submission.")
    created_at = models.DateTimeField(default=timezone.now)
    saved_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="decided_applications"
    )

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        verbose_name = "application"
        permissions = [("review_application", "Can review applications")]
        constraints = [
            # One may apply again after withdrawing, a decline or a revocation, but never twice at once.
            models.UniqueConstraint(
                fields=["programme", "applicant"],
                condition=~models.Q(status__in=["withdrawn", "declined", "revoked"]),
                name="one_live_application_a_programme",
            ),
        ]
        indexes = [models.Index(fields=["status", "submitted_at"], name="application_queue")]

    def __str__(self) -> str:
        return self.reference


class Note(models.Model):
    """One line of an application's timeline: a step, a message, or both."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="notes")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    status = models.CharField(max_length=30, choices=ApplicationStatus)
    message = models.TextField(blank=True)

    class Meta:
        verbose_name = "timeline entry"
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.application} {self.status}"
