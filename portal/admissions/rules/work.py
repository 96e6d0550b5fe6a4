"""What rules do: to one application as it is handed in, and to all that wait, each of them once."""

from functools import partial

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions import actions
from portal.admissions.applications import signals
from portal.admissions.applications.conditions import left_to_people, locked
from portal.admissions.matching import Facts, first_match
from portal.admissions.models import (
    RUN_MOVES,
    Application,
    ItemOutcome,
    Note,
    Rule,
    RuleItem,
    RuleRun,
    RuleSet,
    RuleSetStatus,
    RunStatus,
)
from portal.admissions.models import ApplicationStatus as Status
from portal.admissions.steady import for_a_second, in_spells, settle_next
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

LOOKED_AT_ONCE = 200
# Whose signals one new application may change at once; the hourly refresh finds the rest.
CONCERNED_MAX = 50


def facts_of(application: Application) -> Facts:
    """What conditions ask about, as it was handed in; its signals as they are kept."""
    since = application.applicant.date_joined
    return Facts(
        answers=application.answers,
        signals=frozenset(application.signals),
        country=application.country,
        account_age_days=max(((application.submitted_at or timezone.now()) - since).days, 0),
    )


def look_at_new(application: Application) -> None:
    """Let the rules that are switched on look at what was handed in, once; refresh those it concerns."""
    signals.refresh_concerned(application, up_to=CONCERNED_MAX)
    _settle_new(application)


@transaction.atomic
def _settle_new(application: Application) -> None:
    active = RuleSet.objects.filter(programme=application.programme_id, status=RuleSetStatus.ACTIVE)
    rule_set = active.select_for_update(no_key=True).first()
    if rule_set is None:
        return
    row = locked(application)
    # What waited before the rules were switched on is for a run that somebody starts.
    is_new = row.submitted_at and rule_set.activated_at and row.submitted_at >= rule_set.activated_at
    if row.status != Status.SUBMITTED or not is_new or row.rules_seen_id == rule_set.pk:
        return
    try:
        rule = _match(row, rule_set)
        if rule is not None:
            with transaction.atomic():
                actions.decide_by_rule(row, rule=rule)
    except Refusal:
        # It is left to people, who find it in the queue.
        return


def carry_out(run: RuleRun) -> None:
    """Look at what is left, or decide on it. Killed, it is begun again where it was."""
    in_spells(RuleRun.objects.select_related("rule_set").filter(pk=run.pk), _go_on)


@transaction.atomic
def stop(run: RuleRun, *, by: User | None, address: str | None = None) -> RuleRun:
    """Go on no further; what is decided stays so. Raises IllegalMove when it has ended."""
    row = _locked(run)
    was_deciding = row.status == RunStatus.DECIDING
    move(row, RunStatus.STOPPED, moves=RUN_MOVES, ended_at=timezone.now())
    if was_deciding:
        record(Verb.RULE_RUN_STOPPED, subject=row, by=by, data=row.count_by_outcome(), address=address)
    return row


def _go_on(run: RuleRun) -> bool:
    """Look or decide for a spell; False once there is nothing more to do."""
    if run.status == RunStatus.LOOKING:
        _look_at_some(run)
        return True
    if run.status != RunStatus.DECIDING:
        return False
    if not run.rule_set.is_active:
        stop(run, by=None)
        return False
    if for_a_second(partial(_decide_next, run)):
        return True
    _end(run)
    return False


@transaction.atomic
def _look_at_some(run: RuleRun) -> None:
    """Write down what the rules would do with the next ones; after the last the dry run is done."""
    row = _locked(run)
    if row.status != RunStatus.LOOKING:
        return
    newest = Note.objects.filter(application=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    waiting = Application.objects.awaiting_review().filter(programme=row.rule_set.programme_id)
    rest = waiting.filter(pk__gt=row.last).select_related("programme", "applicant", "team")
    batch = list(rest.annotate(seen=Subquery(newest)).order_by("pk")[:LOOKED_AT_ONCE])
    if not batch:
        _end_looking(row)
        return
    signals.refresh(batch)
    rules = list(row.rule_set.rules.all())
    items = []
    for one in batch:
        rule = first_match(rules, facts_of(one))
        if rule is not None and not left_to_people(one, effect=rule.effect):
            items.append(RuleItem(run=row, application=one, rule=rule, seen=one.seen or 0))
    RuleItem.objects.bulk_create(items)
    row.looked += len(batch)
    row.left_to_people += len(batch) - len(items)
    row.last = batch[-1].pk
    row.heartbeat_at = timezone.now()
    row.save(update_fields=["looked", "left_to_people", "last", "heartbeat_at"])


def _end_looking(run: RuleRun) -> None:
    move(run, RunStatus.LOOKED, moves=RUN_MOVES, looked_at=timezone.now())
    names = dict(run.rule_set.rules.values_list("pk", "name"))
    matched = {names[pk]: number for pk, number in run.count_by_rule().items()}
    facts = {"looked": run.looked, "left": run.left_to_people, "matched": matched}
    record(Verb.RULE_SET_TRIED, subject=run.rule_set, by=run.by, data=facts)


def _decide_next(run: RuleRun) -> bool:
    left = run.items.filter(outcome=ItemOutcome.PENDING).order_by("pk")
    waiting = left.select_related("application", "rule__rule_set")
    return settle_next(waiting, partial(_decide, run), refused=ItemOutcome.REFUSED)


def _decide(run: RuleRun, item: RuleItem) -> str:
    RuleSet.objects.select_for_update(no_key=True).get(pk=run.rule_set_id)
    row = locked(item.application)
    _require_same(_match(row, run.rule_set), item)
    actions.decide_by_rule(row, rule=item.rule, seen=item.seen)
    return ItemOutcome.DECIDED


def _require_same(rule: Rule | None, item: RuleItem) -> None:
    if rule is None or rule.pk != item.rule_id:
        raise Refusal("matches_no_more", "Since the dry run, what the rule asks for has changed.")


def _match(row: Application, rule_set: RuleSet) -> Rule | None:
    """The rule of `rule_set` that matches a locked application, whose signals are brought up to date."""
    signals.refresh([row])
    row.rules_seen = rule_set
    row.save(update_fields=["rules_seen"])
    return first_match(rule_set.rules.select_related("rule_set"), facts_of(row))


@transaction.atomic
def _end(run: RuleRun) -> None:
    row = _locked(run)
    if row.status != RunStatus.DECIDING or row.items.filter(outcome=ItemOutcome.PENDING).exists():
        # It was stopped meanwhile, or another worker holds the last of them and ends it.
        return
    move(row, RunStatus.DONE, moves=RUN_MOVES, ended_at=timezone.now())
    record(Verb.RULE_RUN_DONE, subject=row, by=None, data=row.count_by_outcome())


def _locked(run: RuleRun) -> RuleRun:
    return (
        RuleRun.objects.select_for_update(of=("self",), no_key=True)
        .select_related("rule_set", "by")
        .get(pk=run.pk)
    )
