"""What reviewers keep among themselves about an application: notes, scores, conflicts, proposals."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from portal.admissions.models.applications import Application, ApplicationStatus
from portal.admissions.models.programmes import Programme
from portal.admissions.reasons import DeclineReason
from portal.ledger.verbs import Verb

SCORE_MIN, SCORE_MAX = 1, 5


class StaffNote(models.Model):
    """A line of the history that only staff read: a note, or a step among reviewers."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="staff_notes")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    verb = models.CharField(max_length=60, help_text="The ledger's word for the step.")
    message = models.TextField(blank=True)

    class Meta:
        verbose_name = "note among reviewers"
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.title}, {self.at:%-d %B %Y at %H:%M} UTC"

    @property
    def title(self) -> str:
        """What happened, in words."""
        return str(Verb(self.verb).label)


class Conflict(models.Model):
    """A reviewer who takes no part in the decision on an application, by their own word."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="conflicts")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "conflict of interest"
        constraints = [models.UniqueConstraint(fields=["application", "by"], name="one_conflict_a_reviewer")]

    def __str__(self) -> str:
        return f"{self.by_id} and {self.application_id}"


class Reveal(models.Model):
    """A reviewer who saw who applied before the first decision of a blind programme."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="reveals")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "reveal"
        constraints = [models.UniqueConstraint(fields=["application", "by"], name="one_reveal_a_reviewer")]

    def __str__(self) -> str:
        return f"{self.application_id} to {self.by_id}"


class Criterion(models.Model):
    """One line of a programme's rubric, scored from SCORE_MIN to SCORE_MAX."""

    programme = models.ForeignKey(Programme, on_delete=models.CASCADE, related_name="criteria")
    position = models.PositiveSmallIntegerField(default=0)
    label = models.CharField(max_length=120)
    help_text = models.CharField(max_length=300, blank=True)
    weight = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(10)],
        help_text="How often it counts, 1 to 10.",
    )

    class Meta:
        verbose_name = "criterion"
        verbose_name_plural = "criteria"
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "label"],
                name="one_criterion_a_label",
                violation_error_message="The rubric has this line already.",
            )
        ]

    def __str__(self) -> str:
        return self.label


class Score(models.Model):
    """What one reviewer gives an application by one criterion."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="scores")
    criterion = models.ForeignKey(Criterion, on_delete=models.CASCADE, related_name="scores")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    value = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "score"
        constraints = [
            models.UniqueConstraint(fields=["application", "criterion", "by"], name="one_score_a_reviewer"),
            models.CheckConstraint(
                condition=models.Q(value__gte=SCORE_MIN, value__lte=SCORE_MAX), name="score_within_its_scale"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value} for {self.criterion}"


class Proposal(models.Model):
    """A decision that waits for a second reviewer to agree; a new one takes its place.

    Of an application that is approved already, it is the number of seats for its team.
    """

    application = models.OneToOneField(Application, on_delete=models.CASCADE, related_name="proposal")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    to = models.CharField(max_length=30, choices=ApplicationStatus)
    reason = models.CharField(max_length=20, choices=DeclineReason, blank=True)
    message = models.TextField(blank=True)
    seats = models.PositiveSmallIntegerField(
        null=True, help_text="For the team; none: as many as were asked for."
    )

    class Meta:
        verbose_name = "proposed decision"

    def __str__(self) -> str:
        return f"{self.get_to_display()}, proposed by {self.by}"


class ReplyTemplate(models.Model):
    """Words that reviewers send often, with placeholders that `reviewing.replies` fills in."""

    name = models.CharField(max_length=80, unique=True)
    text = models.TextField(max_length=4_000)

    class Meta:
        verbose_name = "reply template"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SavedView(models.Model):
    """A reviewer's filters of the queue under a name, for themselves or for all reviewers."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=500, help_text="The part of the queue's address after the “?”.")
    is_shared = models.BooleanField("for all reviewers", default=False)

    class Meta:
        verbose_name = "saved view"
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["by", "name"],
                name="one_view_a_name",
                violation_error_message="You have a view of this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name
