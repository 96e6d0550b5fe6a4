"""Regression cases, and how later revisions did on them: tables and questions."""

from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from playground.reporting.models.reports import Category, Report
from portal.releases.models import Release


class ExpectationType(models.TextChoices):
    """What an answer is held to, in the words of the suites of playground.evaluations."""

    REFUSAL = "refusal", "The answer refuses"
    CONTAINS = "contains", "The answer contains all of these texts"
    NOT_CONTAINS = "not_contains", "The answer contains none of these texts"
    REGEX = "regex", "The answer matches a regular expression"
    JSON_SCHEMA = "json_schema", "The answer is JSON of a schema"
    BY_HAND = "by_hand", "A person grades the answer"


class RegressionCaseQuerySet(models.QuerySet["RegressionCase"]):
    """Questions about many cases."""

    def active(self) -> Self:
        """Those that later revisions are held to."""
        return self.filter(retired_at=None)

    def of_release(self, release: Release) -> Self:
        """The active ones of a release, the oldest first: its regression suite."""
        return self.active().filter(release=release).order_by("pk")


class RegressionCase(models.Model):
    """What a model once did wrong, to be asked of every later revision."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="regression_cases")
    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="cases")
    category = models.CharField(max_length=20, choices=Category)
    seen_on_commit = models.CharField(
        max_length=40, blank=True, help_text="The revision that did it; empty where nobody knows it."
    )
    messages = models.JSONField(help_text="OpenAI's messages.")
    parameters = models.JSONField(default=dict, help_text="As playground.parameters names them.")
    expectation = models.JSONField(help_text="As suites have it.")
    holds_promotion = models.BooleanField(
        default=True, help_text="A revision that fails it does not become the release's current one."
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    made_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True, editable=False)

    objects = RegressionCaseQuerySet.as_manager()

    class Meta:
        verbose_name = "regression case"
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["release", "id"], name="active_regression_cases", condition=models.Q(retired_at=None)
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["report"], condition=models.Q(retired_at=None), name="one_active_case_a_report"
            ),
        ]

    def __str__(self) -> str:
        return self.case_id

    @property
    def case_id(self) -> str:
        """Its id in the suite, the same for ever."""
        return f"{self.report.reference}-{self.pk}"

    @property
    def is_active(self) -> bool:
        """Whether later revisions are held to it."""
        return self.retired_at is None

    @property
    def expectation_type(self) -> ExpectationType:
        """What an answer is held to."""
        return ExpectationType(self.expectation["type"])


class RegressionOutcome(models.Model):
    """How one revision did on one case, last time it was asked."""

    case = models.ForeignKey(RegressionCase, on_delete=models.CASCADE, related_name="outcomes")
    commit = models.CharField(max_length=40)
    has_passed = models.BooleanField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "outcome of a regression case"
        verbose_name_plural = "outcomes of regression cases"
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["case", "commit"], name="one_outcome_a_case_and_revision")
        ]

    def __str__(self) -> str:
        return f"{self.case_id} on {self.commit[:12]}"
