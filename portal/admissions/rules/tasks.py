"""Signals and rules, worked on beside the requests."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from portal.admissions.applications import signals
from portal.admissions.models import (
    Application,
    ApplicationQuerySet,
    ApplicationStatus,
    RuleRun,
    RuleSet,
    RuleSetStatus,
)
from portal.admissions.rules import work

# After so long a task that has not come counts as lost.
LOST_AFTER = timedelta(seconds=30)
SENT_AT_ONCE = 500


# Acknowledged early: `resume_rules` sends it again when its worker is killed.
@shared_task(name="portal.admissions.rule_tasks.apply_rules", acks_late=False)
def apply_rules(*, application_id: int) -> None:
    """Let the rules look at what was handed in; delivered twice, they look once."""
    if found := Application.objects.select_related("applicant").filter(pk=application_id).first():
        work.look_at_new(found)


@shared_task(name="portal.admissions.rule_tasks.carry_out_run", acks_late=False)
def carry_out_run(*, run_id: str) -> None:
    """Go on with one run; delivered twice, two workers share it."""
    if found := RuleRun.objects.filter(pk=UUID(run_id)).first():
        work.carry_out(found)


@shared_task(name="portal.admissions.rule_tasks.resume_rules", expires=15)
def resume_rules() -> None:
    """Go on with what a killed worker or a lost task has left undone."""
    for pk in RuleRun.objects.forgotten().values_list("pk", flat=True):
        carry_out_run.delay(run_id=str(pk))
    for rule_set in RuleSet.objects.filter(status=RuleSetStatus.ACTIVE):
        for lost in _lost(rule_set).values_list("pk", flat=True)[:SENT_AT_ONCE]:
            apply_rules.delay(application_id=lost)


@shared_task(name="portal.admissions.rule_tasks.refresh_signals", expires=600)
def refresh_signals() -> None:
    """Bring what is kept on those that wait up to date."""
    signals.refresh_waiting()


def _lost(rule_set: RuleSet) -> ApplicationQuerySet:
    """Those handed in since the rules were switched on, at which these have not looked."""
    since = Application.objects.filter(
        programme=rule_set.programme_id,
        status=ApplicationStatus.SUBMITTED,
        submitted_at__gte=rule_set.activated_at,
        submitted_at__lt=timezone.now() - LOST_AFTER,
    )
    return since.exclude(rules_seen=rule_set.pk).order_by("pk")
