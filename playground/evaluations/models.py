"""Suites of cases and their versions, runs on a revision, and what came of each case: tables and states."""

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from portal.common.transitions import Moves
from portal.releases.models import Evaluation, Revision

CASE_ID_CHARACTERS = 80
CATEGORY_CHARACTERS = 60
NOTE_CHARACTERS = 500
CONCURRENCY_MAX = 16


class Suite(models.Model):
    """A set of prompts with what is expected of the answers, through all its versions."""

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "suite"
        ordering = ["title", "slug"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """The suite's page in the console."""
        return reverse("console:suite", args=[self.slug])


class SuiteVersion(models.Model):
    """The cases of a suite as they stood; they never change, and their SHA-256 says which they are."""

    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, help_text="Of the canonical JSON of all cases.")
    case_count = models.PositiveIntegerField()
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "version of a suite"
        verbose_name_plural = "versions of suites"
        ordering = ["suite", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["suite", "number"], name="one_suite_version_a_number"),
            models.UniqueConstraint(fields=["suite", "sha256"], name="one_suite_version_a_content"),
        ]

    def __str__(self) -> str:
        return f"{self.suite.slug} version {self.number}"


class SuiteCase(models.Model):
    """One prompt of a version: OpenAI's messages, and the expectation that a matcher reads."""

    version = models.ForeignKey(SuiteVersion, on_delete=models.CASCADE, related_name="cases")
    number = models.PositiveIntegerField(help_text="Counted from 1, as in the file.")
    case_id = models.CharField(max_length=CASE_ID_CHARACTERS)
    category = models.CharField(max_length=CATEGORY_CHARACTERS)
    messages = models.JSONField(help_text="OpenAI's: {role, content} each.")
    expectation = models.JSONField(help_text="As playground.evaluations.expectations reads it.")
    parameters = models.JSONField(default=dict, help_text="Sampling parameters that go before the run's.")

    class Meta:
        verbose_name = "case of a suite"
        verbose_name_plural = "cases of suites"
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["version", "number"], name="one_suite_case_a_number"),
            models.UniqueConstraint(fields=["version", "case_id"], name="one_suite_case_an_id"),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} of {self.version_id}"

    @property
    def prompt(self) -> str:
        """What the model is asked last."""
        return str(self.messages[-1]["content"])


class RunStatus(models.TextChoices):
    """How far a run has come."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    GRADING = "grading", "Waits for grades"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


_S = RunStatus
RUN_MOVES: Moves = {
    _S.QUEUED: frozenset({_S.RUNNING, _S.FAILED, _S.CANCELLED}),
    _S.RUNNING: frozenset({_S.GRADING, _S.DONE, _S.FAILED, _S.CANCELLED}),
    _S.GRADING: frozenset({_S.DONE, _S.CANCELLED}),
    # The cases without an answer are asked again.
    _S.FAILED: frozenset({_S.QUEUED}),
}
WORKED_ON = frozenset({_S.QUEUED, _S.RUNNING})
OPEN = frozenset({_S.QUEUED, _S.RUNNING, _S.GRADING})


class EvaluationRunQuerySet(models.QuerySet["EvaluationRun"]):
    """Questions about many runs."""

    def with_story(self) -> "EvaluationRunQuerySet":
        """Each with its revision, release, suite and the person who started it."""
        return self.select_related("revision__release", "version__suite", "started_by")


class EvaluationRun(models.Model):
    """A suite's version asked of a revision, worked on in turns by one worker at a time.

    `turn` counts the turns, `runner` names the worker that has one, and `beat_at` shows that it lives.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="evaluation_runs")
    commit = models.CharField("commit id", max_length=40, help_text="The revision's, when it was started.")
    version = models.ForeignKey(SuiteVersion, on_delete=models.PROTECT, related_name="runs")
    params = models.JSONField(help_text="Sampling parameters under OpenAI's names.")
    concurrency = models.PositiveSmallIntegerField(help_text="Prompts at a time.")
    status = models.CharField(max_length=10, choices=RunStatus, default=_S.QUEUED, editable=False)
    served_name = models.CharField(max_length=120)
    server = models.JSONField(default=dict, help_text="What the model server said of itself.")
    error = models.CharField(max_length=500, blank=True)
    result = models.JSONField(default=dict, help_text="The metrics, once every case has a score.")
    evaluation = models.OneToOneField(
        Evaluation, null=True, on_delete=models.PROTECT, related_name="run", help_text="The signed result."
    )
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="evaluation_runs"
    )
    created_at = models.DateTimeField(default=timezone.now)
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    turn = models.PositiveIntegerField(default=0)
    runner = models.UUIDField(null=True)
    beat_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(default=timezone.now)
    away_since = models.DateTimeField(null=True, help_text="Since when the model server takes nothing.")

    objects = EvaluationRunQuerySet.as_manager()

    class Meta:
        verbose_name = "evaluation run"
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["sent_at"],
                name="evaluations_worked_on",
                condition=models.Q(status__in=["queued", "running"]),
            ),
            models.Index(fields=["-created_at"], name="evaluations_by_time"),
        ]
        constraints = [
            models.CheckConstraint(
                name="an_ended_evaluation_has_its_time",
                condition=models.Q(status__in=OPEN, ended_at=None)
                | (~models.Q(status__in=OPEN) & models.Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="an_evaluation_asks_a_few_at_a_time",
                condition=models.Q(concurrency__gte=1, concurrency__lte=CONCURRENCY_MAX),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} on {self.commit[:12]}"

    def get_absolute_url(self) -> str:
        """The run's page in the console."""
        return reverse("console:evaluation_run", args=[self.pk])

    @property
    def is_worked_on(self) -> bool:
        """Whether it waits for a worker or has one."""
        return self.status in WORKED_ON

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status in OPEN


class ItemStatus(models.TextChoices):
    """How far one case of a run has come."""

    WAITING = "waiting", "Waiting"
    OUT = "out", "Asked"
    ANSWERED = "answered", "Waits for a grade"
    SCORED = "scored", "Scored"
    FAILED = "failed", "Failed"


class Verdict(models.TextChoices):
    """What a person says of an answer."""

    MEETS = "meets", "Meets the expectation"
    FAILS = "fails", "Does not meet it"


class EvaluationItem(models.Model):
    """One case of a run, and its one answer; its key tells a grader nothing of the run.

    It is OUT from before it is sent until its answer is stored; `runner` names the turn that sent it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(EvaluationRun, on_delete=models.CASCADE, related_name="items")
    case = models.ForeignKey(SuiteCase, on_delete=models.PROTECT, related_name="items")
    status = models.CharField(max_length=8, choices=ItemStatus, default=ItemStatus.WAITING, editable=False)
    runner = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often it was asked.")
    faults = models.PositiveSmallIntegerField(default=0, help_text="How often the server failed on it.")
    not_before = models.DateTimeField(default=timezone.now)
    text = models.TextField(blank=True)
    finish_reason = models.CharField(max_length=20, blank=True)
    detail = models.JSONField(default=dict, help_text="The log-probabilities of choices.")
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(null=True)
    score = models.FloatField(null=True)
    reason = models.CharField(max_length=NOTE_CHARACTERS, blank=True, help_text="Why it scored so.")
    error = models.CharField(max_length=NOTE_CHARACTERS, blank=True)
    grader = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    graded_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=NOTE_CHARACTERS, blank=True)

    class Meta:
        verbose_name = "case of an evaluation run"
        verbose_name_plural = "cases of evaluation runs"
        ordering = ["case__number"]
        indexes = [
            models.Index(
                fields=["run"],
                name="evaluation_items_that_wait",
                condition=models.Q(status__in=["waiting", "out"]),
            ),
            models.Index(
                fields=["id"],
                name="evaluation_items_to_grade",
                condition=models.Q(status="answered"),
            ),
            models.Index(
                fields=["grader", "-graded_at"],
                name="evaluation_items_graded",
                condition=models.Q(grader__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "case"], name="one_result_a_case"),
            models.CheckConstraint(
                name="a_scored_case_has_its_score",
                condition=(models.Q(status="scored", score__gte=0, score__lte=1))
                | (~models.Q(status="scored") & models.Q(score=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"case {self.case_id} of {self.run_id}"

    @property
    def is_met(self) -> bool:
        """Whether the answer is what was expected, as far as it has a score."""
        return self.score == 1
