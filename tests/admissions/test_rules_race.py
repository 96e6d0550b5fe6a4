"""Rules beside people and beside themselves, with a connection each: everybody is decided on once."""

from threading import Event

import pytest
from django.db import connection, transaction

from portal.admissions import actions
from portal.admissions.models import Application, ApplicationStatus, RuleSet, RunStatus
from portal.admissions.programmes import starter
from portal.admissions.rules import actions as rules
from portal.admissions.rules import work as rule_work
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.actions import first_break
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS
from tests.admissions.test_race import at_once

pytestmark = pytest.mark.django_db(transaction=True)
RESEARCH = {"subject": "answer:intended_use", "operator": "is", "value": "Research"}


@pytest.fixture
def lea():
    return cast.staff("lea@example.org", "Lead reviewers")


@pytest.fixture
def active(lea) -> RuleSet:
    """Rules that approve research, switched on."""
    made = rules.create(starter.early_access(by=None), name="First wave", by=lea)
    rules.save_rule(made, name="Research", effect="approve", conditions=[RESEARCH], by=lea)
    rule_work.carry_out(rules.dry_run(made, by=lea))
    return rules.activate(made, by=lea)


def apply(number: int) -> Application:
    person = cast.person(f"p{number}@gmail.com")
    return actions.submit(actions.start(starter.early_access(by=None), by=person), answers=ANSWERS, by=person)


def test_a_task_that_is_delivered_many_times_at_once_decides_once(active):
    made = apply(1)

    at_once(*[lambda: rule_work.look_at_new(made)] * 4)

    assert Application.objects.get().status == ApplicationStatus.APPROVED
    assert Entry.objects.filter(verb="application.approved").count() == 1
    assert first_break() is None


@pytest.mark.parametrize("attempt", range(3))
def test_a_rule_and_a_reviewer_at_once_decide_once(active, lea, attempt):
    made = apply(1)
    seen = made.notes.last().pk

    _, person = at_once(
        lambda: rule_work.look_at_new(made),
        lambda: actions.decline(made, by=lea, reason="no_room", seen=seen),
    )

    decided = Entry.objects.filter(verb__in=["application.approved", "application.declined"])
    made.refresh_from_db()
    assert decided.count() == 1
    if isinstance(person, Refusal):
        assert person.sentence.startswith("The portal was here first")
        assert (made.status, made.decided_by) == (ApplicationStatus.APPROVED, None)
    else:
        assert (made.status, made.decided_by) == (ApplicationStatus.DECLINED, lea)


def test_two_workers_share_a_run_and_decide_on_each_once(active, lea):
    made = [apply(number) for number in range(8)]
    run = rules.dry_run(active, by=lea)
    at_once(*[lambda: rule_work.carry_out(run)] * 3)
    run.refresh_from_db()
    assert (run.status, run.looked, run.items.count()) == (RunStatus.LOOKED, 8, 8)
    rules.begin(run, by=lea)

    at_once(*[lambda: rule_work.carry_out(run)] * 3)

    run.refresh_from_db()
    assert (run.status, run.count_by_outcome()) == (RunStatus.DONE, {"decided": 8})
    assert Entry.objects.filter(verb="application.approved").count() == len(made)
    assert Entry.objects.filter(verb="rule_run.done").count() == 1
    assert first_break() is None


def test_two_sets_switched_on_at_once_leave_one(active, lea):
    programme = starter.early_access(by=None)
    drafts = [rules.create(programme, name=f"Set {number}", like=active, by=lea) for number in range(2)]
    for one in drafts:
        rule_work.carry_out(rules.dry_run(one, by=lea))

    at_once(*[lambda one=one: rules.activate(one, by=lea) for one in drafts])

    assert sorted(RuleSet.objects.values_list("status", flat=True)) == ["active", "retired", "retired"]


def test_once_rules_are_retired_none_of_them_decides(active, lea):
    made, retired = apply(1), Event()

    def retire():
        with transaction.atomic():
            rules.retire(active, by=lea)
            retired.set()

    def decide():
        connection.ensure_connection()
        retired.wait(timeout=10)
        return actions.decide_by_rule(made, rule=active.rules.get())

    _, refused = at_once(retire, decide)

    assert (type(refused), refused.code) == (Refusal, "rules_not_active")
    assert Application.objects.get().status == ApplicationStatus.SUBMITTED


def test_a_set_is_switched_on_once(active, lea):
    with pytest.raises(IllegalMove):
        rules.activate(active, by=lea)
