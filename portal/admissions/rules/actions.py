"""Writing a set of rules, trying it on those that wait, and switching it on."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.models import (
    RULE_SET_MOVES,
    RUN_MOVES,
    Application,
    Programme,
    Rule,
    RuleRun,
    RuleSet,
    RuleSetStatus,
    RunStatus,
)
from portal.admissions.models.rules import LIVE_RUNS
from portal.admissions.rules.checks import problems
from portal.admissions.rules.tasks import carry_out_run
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove, move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

RULES_MAX = 50


@transaction.atomic
def create(
    programme: Programme,
    *,
    name: str,
    by: User,
    like: RuleSet | None = None,
    address: str | None = None,
) -> RuleSet:
    """Begin a set, empty or with the rules of `like`."""
    made = RuleSet.objects.create(programme=programme, name=name)
    rules = list(like.rules.all()) if like else []
    Rule.objects.bulk_create(
        [
            Rule(
                rule_set=made,
                position=one.position,
                name=one.name,
                effect=one.effect,
                conditions=one.conditions,
            )
            for one in rules
        ]
    )
    facts = {"programme": programme.slug, "rules": [one.name for one in rules]}
    record(Verb.RULE_SET_CREATED, subject=made, by=by, data=facts, address=address)
    return made


@transaction.atomic
def save_rule(
    rule_set: RuleSet,
    *,
    name: str,
    effect: str,
    conditions: Iterable[Mapping[str, str]],
    by: User,
    rule: Rule | None = None,
    address: str | None = None,
) -> Rule:
    """Add a rule at the end, or change `rule`.

    Raises Refusal with every problem of it, among them that signals alone may only flag.
    """
    draft = _draft(rule_set)
    plain = [
        {name: str(one.get(name, "")) for name in ("subject", "operator", "value")} for one in conditions
    ]
    if told := problems(draft.programme, effect=effect, conditions=plain):
        raise Refusal("rule_not_possible", " ".join(told), status=422)
    others = draft.rules.exclude(pk=rule.pk) if rule else draft.rules
    if others.filter(name=name).exists():
        raise Refusal("rule_name_taken", f"Another rule is called “{name}”. Choose another name.", status=422)
    if rule is None and others.count() >= RULES_MAX:
        raise Refusal("too_many_rules", f"A set has {RULES_MAX} rules at most. Remove one first.")
    last = draft.rules.last()
    row = (
        draft.rules.get(pk=rule.pk)
        if rule
        else Rule(rule_set=draft, position=last.position + 1 if last else 1)
    )
    row.name, row.effect, row.conditions = name, effect, plain
    row.save()
    facts = {"rule": name, "effect": effect, "conditions": plain}
    record(Verb.RULE_SET_CHANGED, subject=draft, by=by, data=facts, address=address)
    return row


@transaction.atomic
def remove_rule(rule: Rule, *, by: User, address: str | None = None) -> RuleSet:
    """Take a rule out of its draft."""
    draft = _draft(rule.rule_set)
    draft.rules.filter(pk=rule.pk).delete()
    record(Verb.RULE_SET_CHANGED, subject=draft, by=by, data={"removed": rule.name}, address=address)
    return draft


@transaction.atomic
def move_up(rule: Rule, *, by: User, address: str | None = None) -> RuleSet:
    """Ask it before the one that stands before it; the first one stays."""
    draft = _draft(rule.rule_set)
    rows = list(draft.rules.all())
    place = next((number for number, one in enumerate(rows) if one.pk == rule.pk), 0)
    if place:
        rows[place - 1], rows[place] = rows[place], rows[place - 1]
    for position, one in enumerate(rows, start=1):
        one.position = position
    Rule.objects.bulk_update(rows, ["position"])
    facts = {"order": [one.name for one in rows]}
    record(Verb.RULE_SET_CHANGED, subject=draft, by=by, data=facts, address=address)
    return draft


@transaction.atomic
def dry_run(rule_set: RuleSet, *, by: User) -> RuleRun:
    """Let a worker write down what the rules would do with those that wait; nothing is decided.

    Raises Refusal without rules and while another run of the set is under way.
    """
    row = _locked(rule_set)
    if row.status == RuleSetStatus.RETIRED:
        raise IllegalMove("rules_retired", "These rules are retired. Copy them to a draft, and try that.")
    if not row.rules.exists():
        raise Refusal("no_rules", "There is no rule to try yet. Add one first.")
    if row.runs.filter(status__in=LIVE_RUNS).exists():
        raise Refusal("run_under_way", "A run of these rules is under way. Wait for it, or stop it.")
    waiting = Application.objects.awaiting_review().filter(programme=row.programme_id)
    run = RuleRun.objects.create(rule_set=row, by=by, rules_sha256=row.sha256(), total=waiting.count())
    transaction.on_commit(partial(carry_out_run.delay, run_id=str(run.pk)))
    return run


@transaction.atomic
def activate(rule_set: RuleSet, *, by: User, address: str | None = None) -> RuleSet:
    """Let the rules decide on what is handed in from now on; the set that did so before is retired.

    Raises Refusal until these very rules have been tried on those that wait.
    """
    # All sets, and not the programme, which is locked behind its set by a rule that approves.
    sets = RuleSet.objects.select_for_update(of=("self",), no_key=True).filter(
        programme=rule_set.programme_id
    )
    list(sets.order_by("pk").values_list("pk"))
    row = _locked(rule_set)
    if row.is_draft:
        _require_tried(row)
        _require_possible(row)
        for former in RuleSet.objects.filter(programme=row.programme_id, status=RuleSetStatus.ACTIVE):
            retire(former, by=by, address=address)
    move(row, RuleSetStatus.ACTIVE, moves=RULE_SET_MOVES, activated_at=timezone.now())
    facts = {"programme": row.programme.slug, "rules": _plain(row), "sha256": row.sha256()}
    record(Verb.RULE_SET_ACTIVATED, subject=row, by=by, data=facts, address=address)
    return row


@transaction.atomic
def retire(rule_set: RuleSet, *, by: User, address: str | None = None) -> RuleSet:
    """Let the rules decide on nothing more; a run of theirs that is under way stops."""
    row = _locked(rule_set)
    move(row, RuleSetStatus.RETIRED, moves=RULE_SET_MOVES, retired_at=timezone.now())
    record(Verb.RULE_SET_RETIRED, subject=row, by=by, address=address)
    return row


@transaction.atomic
def begin(run: RuleRun, *, by: User, address: str | None = None) -> RuleRun:
    """Let a worker decide on what a dry run has found. Raises Refusal unless its rules are switched on."""
    rule_set = _locked(run.rule_set)
    row = RuleRun.objects.select_for_update(no_key=True).get(pk=run.pk)
    if not rule_set.is_active or row.rules_sha256 != rule_set.sha256():
        raise Refusal("rules_not_active", "Switch these rules on first: a dry run decides nothing.")
    if rule_set.runs.exclude(pk=row.pk).filter(status__in=LIVE_RUNS).exists():
        raise Refusal("run_under_way", "A run of these rules is under way. Wait for it, or stop it.")
    move(row, RunStatus.DECIDING, moves=RUN_MOVES, heartbeat_at=timezone.now())
    facts = {"rule_set": rule_set.name, "applications": row.items.count()}
    record(Verb.RULE_RUN_BEGUN, subject=row, by=by, data=facts, address=address)
    transaction.on_commit(partial(carry_out_run.delay, run_id=str(row.pk)))
    return row


def _require_tried(rule_set: RuleSet) -> None:
    tried = rule_set.runs.filter(status=RunStatus.LOOKED, rules_sha256=rule_set.sha256())
    if not tried.exists():
        raise Refusal(
            "not_tried",
            "Try these rules as they stand now on those that wait first, and look at what they would do.",
            remedy=rule_set.get_absolute_url(),
        )


def _require_possible(rule_set: RuleSet) -> None:
    """The questions may have changed since a rule was written."""
    for rule in rule_set.rules.all():
        if told := problems(rule_set.programme, effect=rule.effect, conditions=rule.conditions):
            raise Refusal("rule_not_possible", f"The rule “{rule.name}” must be changed first. {told[0]}")


def _plain(rule_set: RuleSet) -> list[dict[str, Any]]:
    return [
        {"rule": one.name, "effect": one.effect, "conditions": one.conditions} for one in rule_set.rules.all()
    ]


def _draft(rule_set: RuleSet) -> RuleSet:
    """The locked set, if its rules may still be changed."""
    row = _locked(rule_set)
    if not row.is_draft:
        raise IllegalMove(
            "rules_not_draft",
            "These rules have been switched on and stay as they were. Copy them to a draft and change that.",
        )
    return row


def _locked(rule_set: RuleSet) -> RuleSet:
    rows = RuleSet.objects.select_for_update(of=("self",), no_key=True).select_related("programme")
    return rows.get(pk=rule_set.pk)
