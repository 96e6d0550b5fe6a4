"""What the portal itself decides, by a rule that staff switched on."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.admissions.actions.steps import DECISIONS, step, take_into_review
from portal.admissions.applications.conditions import locked_for_rule, require_room
from portal.admissions.models import (
    Application,
    Rule,
    RuleEffect,
    facts_shown,
)
from portal.admissions.models import ApplicationStatus as Status
from portal.ledger.actions import record
from portal.ledger.verbs import Verb


@transaction.atomic
def decide_by_rule(application: Application, *, rule: Rule, seen: int | None = None) -> Application:
    """The portal approves, waitlists or flags because `rule`, of a set that is switched on, says so.

    Whether the rule matches is the caller's to know. Raises Refusal for what is left to people, and
    LostRace when something happened since the timeline entry `seen`.
    """
    waiting = locked_for_rule(application, rule=rule, seen=seen)
    if rule.effect == RuleEffect.FLAG:
        return _flag(waiting, rule=rule)
    to = Status.APPROVED if rule.effect == RuleEffect.APPROVE else Status.WAITLISTED
    if to == Status.APPROVED:
        require_room(waiting.programme)
    reviewed = take_into_review(waiting, by=None, address=None, rule=rule)
    now = timezone.now()
    # Nobody has decided it, which is what an empty `decided_by` says.
    decided: dict[str, Any] = {"decided_at": now, "first_decided_at": now, **facts_shown(reviewed)}
    return step(reviewed, to, verb=DECISIONS[to], by=None, rule=rule, **decided)


def _flag(application: Application, *, rule: Rule) -> Application:
    """Leave the rule's name for the reviewers; it is no step, and the applicant is not told."""
    if application.flag == rule.name:
        return application
    application.flag = rule.name
    application.save(update_fields=["flag"])
    record(Verb.APPLICATION_FLAGGED, subject=application, by=None, data=rule.named())
    return application
