"""The staff's pages of rules: writing, trying, switching on, and who may do which."""

import pytest

from portal.admissions import actions
from portal.admissions.models import Application, Rule, RuleRun, RuleSet, RunStatus
from portal.admissions.rules import actions as rules
from portal.admissions.rules import tasks as rule_tasks
from portal.admissions.rules import work as rule_work
from tests import cast
from tests.admissions.conftest import ANSWERS, programme  # noqa: F401 - a fixture
from tests.conftest import signed_in

URL = "/console/rules/"
RESEARCH = {"subject": "answer:intended_use", "operator": "is", "value": "Research"}


@pytest.fixture(autouse=True)
def sent(monkeypatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr(rule_tasks.carry_out_run, "delay", lambda *, run_id: sent.append(run_id))
    return sent


@pytest.fixture
def lea(rosa):
    return cast.staff("lea@example.org", "Lead reviewers")


@pytest.fixture
def as_lea(lea):
    return signed_in(lea)


@pytest.fixture
def rule_set(programme, rosa) -> RuleSet:  # noqa: F811
    made = rules.create(programme, name="First wave", by=rosa)
    rules.save_rule(made, name="Research", effect="approve", conditions=[RESEARCH], by=rosa)
    return made


def apply(to, number) -> Application:
    person = cast.person(f"p{number}@example.org")
    return actions.submit(actions.start(to, by=person), answers=ANSWERS, by=person)


def written(*conditions, name="In Germany", effect="approve") -> dict[str, str]:
    """What a browser sends for a rule."""
    sent = {"name": name, "effect": effect, "condition-TOTAL_FORMS": "3", "condition-INITIAL_FORMS": "0"}
    for number, (subject, operator, value) in enumerate(conditions):
        sent |= {
            f"condition-{number}-subject": subject,
            f"condition-{number}-operator": operator,
            f"condition-{number}-value": value,
        }
    return sent


def test_rosa_begins_a_set_and_writes_a_rule(as_rosa, programme):  # noqa: F811
    begun = as_rosa.post(URL, {"programme": "early-access", "name": "First wave"})
    made = RuleSet.objects.get()
    assert begun["Location"] == f"{URL}{made.pk}/"

    answer = as_rosa.post(
        f"{URL}{made.pk}/new/",
        written(("country", "in", "DE\r\nFR"), ("", "", ""), ("answer:intended_use", "is", "Research")),
    )

    assert answer["Location"] == begun["Location"]
    rule = made.rules.get()
    assert (rule.name, rule.effect) == ("In Germany", "approve")
    assert rule.conditions == [{"subject": "country", "operator": "in", "value": "DE\nFR"}, RESEARCH]
    page = as_rosa.get(begun["Location"]).content.decode()
    assert "The country is one of DE, FR" in page
    assert "These rules have not been tried." in page


def test_a_rule_that_is_refused_is_told_on_its_form(as_rosa, rule_set):
    answer = as_rosa.post(f"{URL}{rule_set.pk}/new/", written(("signal:disposable_address", "present", "")))

    assert answer.status_code == 422
    assert "Signals never decide alone" in answer.content.decode()
    assert rule_set.rules.count() == 1


def test_a_row_without_its_subject_or_comparison_is_refused(as_rosa, rule_set):
    answer = as_rosa.post(
        f"{URL}{rule_set.pk}/new/", written(("", "is", "DE"), ("country", "", "DE"), name="")
    )

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Give the rule a name." in page
    assert "Choose what is compared, or empty the row." in page
    assert "Choose how it is compared." in page


def test_rosa_changes_moves_and_removes_rules(as_rosa, rule_set, rosa):
    other = rules.save_rule(rule_set, name="Other", effect="flag", conditions=[RESEARCH], by=rosa)
    page = as_rosa.get(f"{URL}{rule_set.pk}/{other.pk}/")
    assert page.context["formset"].forms[0].initial == RESEARCH

    as_rosa.post(
        f"{URL}{rule_set.pk}/{other.pk}/", written(("country", "is", "DE"), name="Renamed", effect="flag")
    )
    as_rosa.post(f"{URL}{rule_set.pk}/{other.pk}/up/")
    assert [rule.name for rule in rule_set.rules.all()] == ["Renamed", "Research"]
    as_rosa.post(f"{URL}{rule_set.pk}/{other.pk}/remove/")

    assert Rule.objects.get().name == "Research"


def test_a_dry_run_is_shown_before_the_rules_are_switched_on(
    as_lea,
    rule_set,
    programme,  # noqa: F811
    sent,
    django_capture_on_commit_callbacks,
):
    apply(programme, 1)
    at = f"{URL}{rule_set.pk}/"
    assert as_lea.post(f"{at}activate/").status_code == 409
    with django_capture_on_commit_callbacks(execute=True):
        as_lea.post(f"{at}try/")
    run = RuleRun.objects.get()
    assert sent == [str(run.pk)]
    assert "Looked at 0 of 1, going on." in as_lea.get(at).content.decode()
    assert as_lea.post(f"{at}try/").status_code == 409
    rule_work.carry_out(run)

    page = as_lea.get(at).content.decode()

    assert "Would approve 1, waitlist 0, flag 0, and leave 0 to people." in page
    assert f'action="{at}activate/"' in page
    as_lea.post(f"{at}activate/")
    rule_set.refresh_from_db()
    assert rule_set.is_active
    assert "Apply to those that wait: 1" in as_lea.get(at).content.decode()
    as_lea.post(f"{URL}runs/{run.pk}/begin/")
    rule_work.carry_out(run)
    assert Application.objects.get().status == "approved"
    assert "Decided on 1 of 1." in as_lea.get(f"{URL}runs/{run.pk}/").content.decode()


def test_a_changed_set_is_tried_anew(as_lea, rule_set, lea, programme):  # noqa: F811
    rule_work.carry_out(rules.dry_run(rule_set, by=lea))
    rules.save_rule(rule_set, name="Other", effect="flag", conditions=[RESEARCH], by=lea)

    page = as_lea.get(f"{URL}{rule_set.pk}/").content.decode()

    assert "The rules have changed since." in page
    assert "activate/" not in page


def test_any_reviewer_stops_and_only_a_lead_reviewer_switches_on(as_rosa, rule_set, lea):
    run = rules.dry_run(rule_set, by=lea)
    rule_work.carry_out(run)
    at = f"{URL}{rule_set.pk}/"

    assert as_rosa.post(f"{at}activate/").status_code == 403
    assert as_rosa.post(f"{URL}runs/{run.pk}/begin/").status_code == 403
    assert "A lead reviewer can switch them on" in as_rosa.get(at).content.decode()
    rules.activate(rule_set, by=lea)
    assert as_rosa.post(f"{at}retire/").status_code == 302
    assert RuleSet.objects.get().status == "retired"


def test_a_run_is_stopped(as_rosa, rule_set, rosa):
    run = rules.dry_run(rule_set, by=rosa)

    as_rosa.post(f"{URL}runs/{run.pk}/stop/")

    run.refresh_from_db()
    assert run.status == RunStatus.STOPPED
    assert "Stopped after 0 of 0" in as_rosa.get(f"{URL}{rule_set.pk}/").content.decode()


def test_a_set_that_was_switched_on_is_copied_to_a_draft(as_lea, rule_set, lea):
    rule_work.carry_out(rules.dry_run(rule_set, by=lea))
    rules.activate(rule_set, by=lea)
    rule = rule_set.rules.get()
    assert "stay as they were" in as_lea.get(f"{URL}{rule_set.pk}/{rule.pk}/").content.decode()

    answer = as_lea.post(f"{URL}{rule_set.pk}/copy/")

    made = RuleSet.objects.exclude(pk=rule_set.pk).get()
    assert answer["Location"] == made.get_absolute_url()
    assert (made.name, made.is_draft, made.sha256()) == ("First wave (copy)", True, rule_set.sha256())


def test_without_any_set_the_page_says_what_to_do(as_rosa):
    assert "No rules yet" in as_rosa.get(URL).content.decode()


@pytest.mark.parametrize("path", ["", "1/", "1/new/", "runs/00000000-0000-4000-8000-000000000000/"])
def test_outsiders_stay_outside(as_mallory, client, path):
    assert as_mallory.get(f"{URL}{path}").status_code == 403
    assert client.get(f"{URL}{path}")["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("path", ["9/", "9/new/", "runs/00000000-0000-4000-8000-000000000000/"])
def test_what_is_not_there_is_not_found(as_rosa, path):
    assert as_rosa.get(f"{URL}{path}").status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_the_pages_cost_the_same_for_one_and_three(  # noqa: PLR0917 - fixtures
    as_rosa,
    rule_set,
    rosa,
    programme,  # noqa: F811
    count,
    settings,
    django_assert_num_queries,
):
    settings.USERSESSIONS_TRACK_ACTIVITY = False
    for number in range(count):
        apply(programme, number)
        rules.create(programme, name=f"Set {number}", by=rosa)
        conditions = [{"subject": "country", "operator": "is", "value": "FR"}]
        rules.save_rule(rule_set, name=f"Rule {number}", effect="flag", conditions=conditions, by=rosa)
    run = rules.dry_run(rule_set, by=rosa)
    rule_work.carry_out(run)

    # The session, the person, their two kinds of permissions, the programmes of the form, and the sets.
    with django_assert_num_queries(6):
        as_rosa.get(URL)
    # The set, its newest run, its questions, its rules; the run's numbers by rule and by outcome, and its
    # set's wording twice, once for whether it is tried.
    with django_assert_num_queries(13):
        as_rosa.get(f"{URL}{rule_set.pk}/")
    with django_assert_num_queries(11):
        as_rosa.get(f"{URL}runs/{run.pk}/")
