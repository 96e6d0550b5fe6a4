"""Sets of rules: written, tried, switched on, and what the portal then decides by itself."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.accounts.roles import give_role
from portal.admissions import actions
from portal.admissions.applications import timelines
from portal.admissions.models import Application, ItemOutcome, RuleRun, RuleSetStatus, RunStatus
from portal.admissions.models import ApplicationStatus as Status
from portal.admissions.rules import actions as rules
from portal.admissions.rules import tasks as rule_tasks
from portal.admissions.rules import work as rule_work
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS

RESEARCH = {"subject": "answer:intended_use", "operator": "is", "value": "Research"}
GERMAN = {"subject": "country", "operator": "is", "value": "DE"}
DISPOSABLE = {"subject": "signal:disposable_address", "operator": "present", "value": ""}


@pytest.fixture(autouse=True)
def sent(monkeypatch) -> list[tuple[str, str]]:
    """The tasks that were sent, instead of a broker."""
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(rule_tasks.carry_out_run, "delay", lambda *, run_id: sent.append(("run", run_id)))
    monkeypatch.setattr(
        rule_tasks.apply_rules, "delay", lambda *, application_id: sent.append(("new", application_id))
    )
    return sent


@pytest.fixture
def lea(rosa):
    """Who may switch rules on."""
    return cast.staff("lea@example.org", "Lead reviewers")


@pytest.fixture
def draft_set(programme, lea):
    """Flag throw-away mail, approve research in Germany, and put other research on the waiting list."""
    made = rules.create(programme, name="First wave", by=lea)
    for name, effect, conditions in (
        ("Throw-away mail", "flag", [DISPOSABLE]),
        ("German research", "approve", [RESEARCH, GERMAN]),
        ("Other research", "waitlist", [RESEARCH]),
    ):
        rules.save_rule(made, name=name, effect=effect, conditions=conditions, by=lea)
    return made


def tried(rule_set, by) -> RuleRun:
    run = rules.dry_run(rule_set, by=by)
    rule_work.carry_out(run)
    run.refresh_from_db()
    return run


@pytest.fixture
def active(draft_set, lea):
    tried(draft_set, lea)
    return rules.activate(draft_set, by=lea)


def apply(programme, email, **answers) -> Application:
    person = cast.person(email)
    return actions.submit(actions.start(programme, by=person), answers=ANSWERS | answers, by=person)


def looked_at(application) -> Application:
    rule_tasks.apply_rules(application_id=application.pk)
    application.refresh_from_db()
    return application


def refusal(act, *arguments, **named) -> Refusal:
    with pytest.raises(Refusal) as refused:
        act(*arguments, **named)
    return refused.value


def test_a_rule_approves_and_the_ledger_names_it(active, programme):
    made = looked_at(apply(programme, "one@example.org"))

    entries = list(Entry.objects.about(made))[-2:]
    named = {"rule_set": f"First wave ({active.pk})", "rule": "German research"}
    assert (made.status, made.decided_by, made.rules_seen) == (Status.APPROVED, None, active)
    assert [(entry.verb, entry.actor_label) for entry in entries] == [
        ("application.review_started", "the portal"),
        ("application.approved", "the portal"),
    ]
    assert [entry.data for entry in entries] == [
        {"programme": "early-access", "from": "submitted", "to": "in_review", **named},
        {"programme": "early-access", "from": "in_review", "to": "approved", **named},
    ]


def test_the_timeline_tells_staff_the_rule_and_the_applicant_that_it_was_one(active, programme):
    made = looked_at(apply(programme, "one@example.org"))

    assert timelines.for_staff(made)[0]["actor"] == "the portal, by the rule “German research”"
    assert timelines.for_applicant(made)[0]["actor"] == "the portal, by a rule"


def test_the_first_rule_that_matches_counts(active, programme):
    elsewhere = looked_at(apply(programme, "one@example.org", country="FR"))
    flagged = looked_at(apply(programme, "two@mailinator.com"))
    nothing = looked_at(apply(programme, "three@example.com", intended_use="Commercial product"))

    assert (elsewhere.status, elsewhere.flag) == (Status.WAITLISTED, "")
    assert (flagged.status, flagged.flag) == (Status.SUBMITTED, "Throw-away mail")
    assert (nothing.status, nothing.flag, nothing.rules_seen) == (Status.SUBMITTED, "", active)
    last = Entry.objects.about(flagged).last()
    assert (last.verb, last.data["rule"]) == ("application.flagged", "Throw-away mail")
    assert [entry["title"] for entry in timelines.for_applicant(flagged)] == [
        "Application submitted",
        "Application started",
    ]


def test_delivered_twice_the_rules_look_once(active, programme):
    flagged = looked_at(apply(programme, "two@mailinator.com"))

    looked_at(flagged)

    assert Entry.objects.about(flagged).filter(verb="application.flagged").count() == 1


@pytest.mark.parametrize("case", ["colleague", "appeal", "deactivated", "taken up"])
def test_some_are_left_to_people(  # noqa: PLR0917 - fixtures
    active, programme, rosa, ann, draft, case
):
    made = actions.submit(draft, answers=ANSWERS, by=ann)
    if case == "colleague":
        give_role(ann, role="Event organisers")
    if case == "appeal":
        Application.objects.filter(pk=made.pk).update(appealed_at=timezone.now())
    if case == "deactivated":
        ann.is_active = False
        ann.save()
    if case == "taken up":
        actions.begin_review(made, by=rosa)
    before = Application.objects.get(pk=made.pk).status

    looked_at(made)

    assert (made.status, made.flag) == (before, "")


def test_what_waited_before_is_not_touched_by_switching_on(submitted, active):
    assert looked_at(submitted).status == Status.SUBMITTED


def test_without_rules_that_are_switched_on_nothing_is_decided(programme, draft_set):
    assert looked_at(apply(programme, "one@example.org")).status == Status.SUBMITTED


def test_a_lost_task_is_sent_again(active, programme, sent):
    made = apply(programme, "one@example.org")
    rule_tasks.resume_rules()
    assert [one for one in sent if one[0] == "new"] == []

    Application.objects.filter(pk=made.pk).update(submitted_at=timezone.now() - timedelta(minutes=1))
    type(active).objects.filter(pk=active.pk).update(activated_at=timezone.now() - timedelta(hours=1))
    rule_tasks.resume_rules()
    looked_at(made)
    rule_tasks.resume_rules()

    assert [one for one in sent if one[0] == "new"] == [("new", made.pk)]


def test_handing_in_sends_the_task(
    programme, active, post_office, monkeypatch, django_capture_on_commit_callbacks
):
    with post_office():
        made = apply(programme, "one@example.org")

    made.refresh_from_db()
    assert made.status == Status.APPROVED


def test_the_dry_run_says_what_would_happen_and_nothing_does(draft_set, programme, lea, rosa, submitted):
    apply(programme, "two@example.com", country="FR")
    apply(programme, "three@example.net", intended_use="Commercial product")
    actions.begin_review(apply(programme, "four@example.edu"), by=rosa)
    before = list(Application.objects.order_by("pk").values_list("status", "flag"))

    run = tried(draft_set, lea)

    names = {rule.pk: rule.name for rule in draft_set.rules.all()}
    matched = {names[pk]: number for pk, number in run.count_by_rule().items()}
    assert (run.status, run.total, run.looked, run.left_to_people) == (RunStatus.LOOKED, 4, 4, 2)
    assert matched == {"German research": 1, "Other research": 1}
    assert list(Application.objects.order_by("pk").values_list("status", "flag")) == before
    last = Entry.objects.about(draft_set).last()
    assert (last.verb, last.data) == ("rule_set.tried", {"looked": 4, "left": 2, "matched": matched})


def test_switching_on_takes_a_dry_run_of_these_very_rules(draft_set, lea):
    assert refusal(rules.activate, draft_set, by=lea).code == "not_tried"
    tried(draft_set, lea)
    rules.move_up(draft_set.rules.last(), by=lea)
    assert refusal(rules.activate, draft_set, by=lea).code == "not_tried"
    tried(draft_set, lea)

    rules.activate(draft_set, by=lea)

    draft_set.refresh_from_db()
    assert draft_set.status == RuleSetStatus.ACTIVE
    assert Entry.objects.about(draft_set).last().data["sha256"] == draft_set.sha256()


def test_a_set_that_is_switched_on_takes_the_place_of_the_one_before(active, programme, lea):
    second = rules.create(programme, name="Second wave", like=active, by=lea)
    tried(second, lea)

    rules.activate(second, by=lea)

    active.refresh_from_db()
    assert (active.status, second.sha256()) == (RuleSetStatus.RETIRED, active.sha256())


def test_what_is_switched_on_is_never_changed(active, lea):
    rule = active.rules.first()

    for act, named in (
        (rules.save_rule, {"name": "x", "effect": "flag", "conditions": [GERMAN]}),
        (rules.save_rule, {"name": "x", "effect": "flag", "conditions": [GERMAN], "rule": rule}),
    ):
        assert refusal(act, active, by=lea, **named).code == "rules_not_draft"
    assert refusal(rules.remove_rule, rule, by=lea).code == "rules_not_draft"
    assert refusal(rules.move_up, rule, by=lea).code == "rules_not_draft"


@pytest.mark.parametrize("effect", ["approve", "waitlist"])
@pytest.mark.parametrize(
    "conditions",
    [
        [DISPOSABLE],
        [{"subject": "signal:declined_before", "operator": "absent", "value": ""}],
        [DISPOSABLE, {"subject": "account_age_days", "operator": "at_least", "value": "30"}],
    ],
)
def test_signals_never_decide_alone(draft_set, lea, effect, conditions):
    refused = refusal(rules.save_rule, draft_set, name="x", effect=effect, conditions=conditions, by=lea)

    assert (refused.code, refused.status) == ("rule_not_possible", 422)
    assert refused.sentence.startswith("Signals never decide alone")
    assert rules.save_rule(draft_set, name="x", effect="flag", conditions=conditions, by=lea).pk
    assert rules.save_rule(draft_set, name="y", effect=effect, conditions=[*conditions, GERMAN], by=lea).pk


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ({"subject": "moon", "operator": "is", "value": "full"}, "“moon” is nothing that a rule can ask for"),
        ({"subject": "answer:gone", "operator": "is", "value": "x"}, "The programme has no question “gone”"),
        ({"subject": "signal:gone", "operator": "present"}, "There is no signal “gone”"),
        (
            {"subject": "country", "operator": "at_least", "value": "3"},
            "“is at least” does not fit",
        ),
        ({"subject": "country", "operator": "is", "value": "Mars"}, "The country is never “mars”"),
        ({"subject": "country", "operator": "in", "value": " , "}, "Say with what the country is compared"),
        (
            {"subject": "account_age_days", "operator": "at_least", "value": "old"},
            "with a number, such as 30",
        ),
        ({"subject": "answer:intended_use", "operator": "is", "value": "Resaerch"}, "is never “resaerch”"),
        ({"subject": "answer:use_case", "operator": "contains", "value": "x" * 2_001}, "2,000 characters"),
    ],
)
def test_a_rule_that_cannot_be_carried_out_is_refused_by_name(draft_set, lea, condition, sentence):
    refused = refusal(rules.save_rule, draft_set, name="x", effect="flag", conditions=[condition], by=lea)

    assert refused.code == "rule_not_possible"
    assert sentence in refused.sentence


def test_a_rule_without_conditions_and_a_name_that_is_taken_are_refused(draft_set, lea):
    nothing = refusal(rules.save_rule, draft_set, name="x", effect="flag", conditions=[], by=lea)
    taken = refusal(
        rules.save_rule, draft_set, name="German research", effect="flag", conditions=[GERMAN], by=lea
    )

    assert (nothing.code, taken.code) == ("rule_not_possible", "rule_name_taken")


def test_rules_whose_question_is_gone_are_not_switched_on(draft_set, programme, lea):
    tried(draft_set, lea)
    programme.questions.filter(code="intended_use").delete()

    refused = refusal(rules.activate, draft_set, by=lea)

    assert refused.code == "rule_not_possible"
    assert refused.sentence.startswith("The rule “German research” must be changed first.")


def test_those_that_wait_are_decided_on_once(submitted, programme, active, lea, sent):
    apply(programme, "two@example.com", country="FR")
    apply(programme, "three@mailinator.com")
    run = tried(active, lea)
    rules.begin(run, by=lea)

    rule_tasks.carry_out_run(run_id=str(run.pk))
    rule_tasks.carry_out_run(run_id=str(run.pk))

    run.refresh_from_db()
    assert (run.status, run.count_by_outcome()) == (RunStatus.DONE, {"decided": 3})
    told = Application.objects.order_by("pk").values_list("status", "flag")
    assert list(told) == [("approved", ""), ("waitlisted", ""), ("submitted", "Throw-away mail")]
    assert [entry.verb for entry in Entry.objects.about(run)] == ["rule_run.begun", "rule_run.done"]


def test_killed_in_the_middle_a_run_goes_on_where_it_was(programme, active, lea, monkeypatch, sent):
    made = [apply(programme, f"p{number}@example.org") for number in range(3)]
    monkeypatch.setattr(rule_work, "LOOKED_AT_ONCE", 1)
    run = rules.dry_run(active, by=lea)
    rule_work._look_at_some(run)
    rule_work._look_at_some(run)
    rule_work.carry_out(run)
    run.refresh_from_db()
    assert (run.looked, run.items.count()) == (3, 3)
    rules.begin(run, by=lea)
    rule_work._decide_next(run)
    sent.clear()

    rule_tasks.resume_rules()
    RuleRun.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=1))
    rule_tasks.resume_rules()
    rule_work.carry_out(run)

    assert sent == [("run", str(run.pk))]
    for one in made:
        assert Entry.objects.about(one).filter(verb="application.approved").count() == 1


def test_what_happened_after_the_dry_run_stays(programme, active, lea, rosa):
    asked, moved, left = [apply(programme, f"p{number}@example.org") for number in range(3)]
    run = tried(active, lea)
    actions.request_information(asked, by=rosa, message="Which?")
    Application.objects.filter(pk=moved.pk).update(country="FR")
    rules.begin(run, by=lea)

    rule_work.carry_out(run)

    told = {item.application: item for item in run.items.all()}
    assert told[asked].outcome == told[moved].outcome == ItemOutcome.REFUSED
    assert "rosa@example.org was here first" in told[asked].sentence
    assert told[moved].sentence == "Since the dry run, what the rule asks for has changed."
    assert told[left].outcome == ItemOutcome.DECIDED


def test_retired_rules_decide_on_no_more(programme, active, lea):
    made = apply(programme, "one@example.org")
    run = tried(active, lea)
    rules.begin(run, by=lea)
    rules.retire(active, by=lea)

    rule_work.carry_out(run)

    run.refresh_from_db()
    assert (run.status, looked_at(made).status) == (RunStatus.STOPPED, Status.SUBMITTED)
    assert refusal(rules.dry_run, active, by=lea).code == "rules_retired"


def test_a_dry_run_of_a_draft_is_not_carried_out(draft_set, submitted, lea):
    assert refusal(rules.begin, tried(draft_set, lea), by=lea).code == "rules_not_active"


def test_one_run_at_a_time_and_none_without_rules(draft_set, programme, lea):
    rules.dry_run(draft_set, by=lea)

    assert refusal(rules.dry_run, draft_set, by=lea).code == "run_under_way"
    assert refusal(rules.dry_run, rules.create(programme, name="Empty", by=lea), by=lea).code == "no_rules"


def test_a_rule_cannot_decide_while_its_set_is_a_draft(draft_set, submitted):
    refused = refusal(actions.decide_by_rule, submitted, rule=draft_set.rules.last())

    assert refused.code == "rules_not_active"


def test_a_set_that_is_over_stays_over(active, lea):
    rules.retire(active, by=lea)

    with pytest.raises(IllegalMove):
        rules.activate(active, by=lea)
