"""Rules by which the portal approves, waitlists or flags, and their runs over those that wait."""

import uuid
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.admissions import matching
from portal.admissions.models.applications import Application
from portal.admissions.models.bulk import ItemOutcome
from portal.admissions.models.programmes import Programme
from portal.common.transitions import Moves

# A worker that is alive writes down so once a second.
FORGOTTEN_AFTER = timedelta(seconds=30)


class RuleSetStatus(models.TextChoices):
    """Whether a set of rules is being written, at work, or over."""

    DRAFT = "draft", "Draft"
    ACTIVE = "active", "Switched on"
    RETIRED = "retired", "Retired"


_S = RuleSetStatus
RULE_SET_MOVES: Moves = {
    _S.DRAFT: frozenset({_S.ACTIVE, _S.RETIRED}),
    _S.ACTIVE: frozenset({_S.RETIRED}),
}


class RuleSet(models.Model):
    """The rules of a programme; what has been switched on is never changed, only replaced."""

    programme = models.ForeignKey(Programme, on_delete=models.CASCADE, related_name="rule_sets")
    name = models.CharField(max_length=120)
    status = models.CharField(max_length=20, choices=RuleSetStatus, default=_S.DRAFT, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    activated_at = models.DateTimeField(null=True, editable=False)
    retired_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "set of rules"
        verbose_name_plural = "sets of rules"
        ordering = ["programme", "-created_at"]
        permissions = [("activate_ruleset", "Can switch rules on and off")]
        constraints = [
            models.UniqueConstraint(
                fields=["programme"],
                condition=models.Q(status="active"),
                name="one_active_rule_set_a_programme",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its page in the console."""
        return f"/console/rules/{self.pk}/"

    @property
    def is_draft(self) -> bool:
        """Whether its rules may still be changed."""
        return self.status == _S.DRAFT

    @property
    def is_active(self) -> bool:
        """Whether it decides."""
        return self.status == _S.ACTIVE

    def sha256(self) -> str:
        """What tells this wording of its rules from any other. One query."""
        return matching.sha256_of(list(self.rules.all()))

    def newest_run(self) -> "RuleRun | None":
        """Its newest run over those that wait. One query."""
        return self.runs.first()


class RuleEffect(models.TextChoices):
    """What the portal does when a rule matches. It never declines: that is owed a person's reason."""

    APPROVE = "approve", "Approve"
    WAITLIST = "waitlist", "Put on the waiting list"
    FLAG = "flag", "Flag for the reviewers"


class Rule(models.Model):
    """One rule: all its conditions must hold, and the first rule that matches counts."""

    rule_set = models.ForeignKey(RuleSet, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    effect = models.CharField(max_length=20, choices=RuleEffect)
    conditions = models.JSONField(default=list, help_text="As portal.admissions.matching reads them.")

    class Meta:
        verbose_name = "rule"
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["rule_set", "name"], name="one_rule_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def named(self) -> dict[str, str]:
        """How the ledger names it and its set."""
        return {"rule_set": f"{self.rule_set.name} ({self.rule_set_id})", "rule": self.name}


class RunStatus(models.TextChoices):
    """How far a run of a set over those that wait is: first it only looks, then it may decide."""

    LOOKING = "looking", "Dry run"
    LOOKED = "looked", "Dry run done"
    DECIDING = "deciding", "Deciding"
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped"


_R = RunStatus
RUN_MOVES: Moves = {
    _R.LOOKING: frozenset({_R.LOOKED, _R.STOPPED}),
    _R.LOOKED: frozenset({_R.DECIDING}),
    _R.DECIDING: frozenset({_R.DONE, _R.STOPPED}),
}
LIVE_RUNS = frozenset({_R.LOOKING, _R.DECIDING})


class RuleRunQuerySet(models.QuerySet["RuleRun"]):
    """Questions about many."""

    def forgotten(self) -> Self:
        """Those under way although nobody works on them."""
        return self.filter(status__in=LIVE_RUNS, heartbeat_at__lt=timezone.now() - FORGOTTEN_AFTER)


class RuleRun(models.Model):
    """A look of a set at every application that waits, and what was then carried out of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    rule_set = models.ForeignKey(RuleSet, on_delete=models.CASCADE, related_name="runs")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    status = models.CharField(max_length=20, choices=RunStatus, default=_R.LOOKING, editable=False)
    rules_sha256 = models.CharField(max_length=64)
    total = models.PositiveIntegerField(default=0, help_text="How many waited as it began.")
    looked = models.PositiveIntegerField(default=0, help_text="At how many it has looked.")
    left_to_people = models.PositiveIntegerField(default=0)
    # The id of the last application that it has looked at.
    last = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    looked_at = models.DateTimeField(null=True, help_text="When the dry run was done.")
    ended_at = models.DateTimeField(null=True)

    objects = RuleRunQuerySet.as_manager()

    class Meta:
        verbose_name = "run of rules"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.rule_set}, {self.created_at:%-d %B %Y at %H:%M} UTC"

    @property
    def is_live(self) -> bool:
        """Whether somebody works on it or will."""
        return self.status in LIVE_RUNS

    def count_by_rule(self) -> dict[int, int]:
        """How many applications each rule matches, by its id. One query."""
        return dict(self.items.order_by().values_list("rule").annotate(number=models.Count("pk")))

    def count_by_outcome(self) -> dict[str, int]:
        """How many of what matched have come to what. One query."""
        return dict(self.items.order_by().values_list("outcome").annotate(number=models.Count("pk")))


class RuleItem(models.Model):
    """One application that a rule matches, and the newest step of its timeline at that time."""

    run = models.ForeignKey(RuleRun, on_delete=models.CASCADE, related_name="items")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="+")
    seen = models.PositiveBigIntegerField()
    outcome = models.CharField(max_length=10, choices=ItemOutcome, default=ItemOutcome.PENDING)
    sentence = models.CharField(max_length=500, blank=True, help_text="Why it was left as it was.")

    class Meta:
        verbose_name = "item of a run of rules"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["run", "application"], name="one_rule_item_an_application"),
        ]
        indexes = [models.Index(fields=["run", "outcome", "id"], name="rule_items_by_outcome")]

    def __str__(self) -> str:
        return f"{self.application_id} by {self.rule_id}"
