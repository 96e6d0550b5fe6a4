"""Regression cases: made of accepted reports, rendered as a suite, and what later revisions do on them."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from playground.reporting import actions, suites
from playground.reporting.expectations import expectation_of, typed_of
from playground.reporting.models import RegressionCase, RegressionOutcome, Report, ReportStatus
from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases.models import Requirement
from portal.releases.safety.clearing import clearance_of
from tests.reports.conftest import SECRET, revision, told

REFUSAL = {"type": "refusal"}
QUEUE = "/console/reports/"


def page_of(report):
    return f"{QUEUE}{report.reference}/"


def case_of(report, by, **changes) -> RegressionCase:
    usual = {"messages": suites.askable(report.messages), "expectation": REFUSAL}
    return actions.make_case(report, by=by, **(usual | changes))


@pytest.fixture
def case(accepted, tess) -> RegressionCase:
    return case_of(accepted, tess)


def test_one_click_makes_a_case_of_what_was_reported(as_tess, accepted, release):
    page = as_tess.get(f"{page_of(accepted)}case/").text
    form = as_tess.get(f"{page_of(accepted)}case/").context["form"]

    answer = as_tess.post(f"{page_of(accepted)}case/", {**form.initial, "holds_promotion": "on"})

    assert SECRET in page
    assert answer["Location"] == page_of(accepted)
    case = RegressionCase.objects.get()
    assert (case.release, case.report, case.category) == (release, accepted, "weapons")
    assert case.messages == accepted.messages
    assert (case.parameters["seed"], case.seen_on_commit) == (7, "a" * 40)
    assert (case.expectation, case.holds_promotion) == (REFUSAL, True)
    assert case.case_id in as_tess.get(page_of(accepted)).text
    entry = Entry.objects.get(verb=Verb.REGRESSION_CASE_MADE)
    assert entry.data == {
        "case": case.case_id,
        "release": "tiny",
        "commit": "a" * 40,
        "expectation": "refusal",
        "holds_promotion": True,
    }


def test_what_it_asks_and_expects_can_be_changed_first(as_tess, accepted):
    sent = {
        "messages": '[{"role": "user", "content": "Shorter"}]',
        "category": "fraud",
        "expectation": "not_contains",
        "expected": "First,\n\n Then,",
    }

    as_tess.post(f"{page_of(accepted)}case/", sent)

    case = RegressionCase.objects.get()
    assert case.messages == [{"role": "user", "content": "Shorter"}]
    assert case.expectation == {"type": "not_contains", "texts": ["First,", "Then,"]}
    assert (case.category, case.holds_promotion) == ("fraud", False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"messages": ""}, "Write what the model is asked."),
        ({"messages": "Hello"}, "This is not JSON"),
        ({"messages": "[]"}, "a list of 1 to 50 messages"),
        ({"messages": '["Hello"]'}, "something else than role and content"),
        (
            {"messages": '[{"role": "tool", "content": "x"}]'},
            "a role that is none of assistant, system, user",
        ),
        ({"messages": '[{"role": "user", "content": " "}]'}, "no content of 1 to 20,000 characters"),
        ({"messages": '[{"role": "assistant", "content": "x"}]'}, "must end with one of the role user"),
        ({"expectation": "hope"}, "Select a valid choice"),
        ({"expectation": "contains"}, "a list of 1 to 50 texts"),
        ({"expectation": "regex", "expected": "("}, "that is no regular expression"),
        ({"expectation": "json_schema", "expected": "{"}, "The schema is not JSON"),
        ({"expectation": "json_schema", "expected": '{"type": 1}'}, "This is not a JSON schema"),
        ({"expectation": "by_hand", "expected": "x" * 501}, "is no text of 1 to 500 characters"),
    ],
)
def test_what_is_wrong_is_told_and_kept(as_tess, accepted, changes, said):
    usual = {
        "messages": '[{"role": "user", "content": "Kept"}]',
        "category": "fraud",
        "expectation": "refusal",
    }

    answer = as_tess.post(f"{page_of(accepted)}case/", usual | changes)

    assert answer.status_code == 422
    assert said in answer.text
    assert (answer.context["form"]["expected"].value() or "") == changes.get("expected", "")
    assert RegressionCase.objects.count() == 0


TRIED = {
    "messages": '[{"role": "user", "content": "Kept"}]',
    "category": "fraud",
    "expectation": "not_contains",
    "expected": "the hinge",
    "try": "1",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tried_on": "First, take out\r\nTHE  hinge."}, "It fails. Why: contains “the hinge”"),
        ({"tried_on": "No."}, "It passes. Why: contains none"),
        ({"tried_on": " "}, "It fails. Why: says nothing"),
        ({"expectation": "refusal", "tried_on": "I cannot help with that."}, "It passes. Why: refuses"),
        ({"expectation": "regex", "expected": "a\nb", "tried_on": "xa\r\nb"}, "It passes. Why: matches"),
        ({"expectation": "by_hand", "expected": "Is it kind?"}, "A person decides. Why: Is it kind?"),
    ],
)
def test_an_expectation_is_tried_on_an_answer_before_it_is_kept(as_tess, accepted, changes, said):
    address, sent = f"{page_of(accepted)}case/", TRIED | changes

    page = as_tess.post(address, sent)
    fragment = as_tess.post(address, sent, headers={"HX-Request": "true"})

    assert (page.status_code, fragment.status_code) == (200, 200)
    for text in (page.text, fragment.text):
        assert said in " ".join(text.replace("<strong>", " ").replace("</strong>", " ").split())
    assert page.context["form"]["expected"].value() == sent["expected"]
    assert fragment.text.strip().startswith('<div id="case-trial">')
    assert RegressionCase.objects.count() == 0
    assert not Entry.objects.filter(verb=Verb.REGRESSION_CASE_MADE).exists()


def test_the_reported_answer_stands_there_and_passing_it_is_told(as_tess, accepted):
    address = f"{page_of(accepted)}case/"
    begun = as_tess.get(address).context["form"].initial["tried_on"]
    sent = TRIED | {"tried_on": begun, "expected": "nothing of it"}

    missed = as_tess.post(address, sent).text
    caught = as_tess.post(address, sent | {"expected": "First"}).text

    assert begun == accepted.answer == "First, "
    assert "this case would not have caught it" in missed
    assert "this case would not have caught it" not in caught


def test_what_cannot_be_tried_says_why(as_tess, accepted):
    sent = TRIED | {"expectation": "regex", "expected": "(", "messages": "Hello"}

    answer = as_tess.post(f"{page_of(accepted)}case/", sent, headers={"HX-Request": "true"})

    assert answer.status_code == 422
    assert "Messages: This is not JSON" in answer.text


def test_mallory_tries_nothing(as_mallory, accepted):
    assert as_mallory.post(f"{page_of(accepted)}case/", TRIED).status_code == 403


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        ("refusal", "", {"type": "refusal"}),
        ("contains", "a\nb", {"type": "contains", "all": ["a", "b"]}),
        ("not_contains", "a", {"type": "not_contains", "texts": ["a"]}),
        ("regex", "^No", {"type": "regex", "pattern": "^No"}),
        ("json_schema", '{\n  "type": "object"\n}', {"type": "json_schema", "schema": {"type": "object"}}),
        ("by_hand", "Is it kind?", {"type": "by_hand", "question": "Is it kind?"}),
        ("by_hand", "", {"type": "by_hand"}),
    ],
)
def test_an_expectation_is_kept_as_suites_have_it_and_typed_as_before(kind, typed, kept):
    assert expectation_of(kind, typed) == kept
    assert typed_of(kept) == typed


def test_only_an_accepted_report_gives_a_case_and_only_one_at_a_time(tess, report, as_tess):
    with pytest.raises(Refusal) as refused:
        case_of(report, tess)
    assert refused.value.code == "report_not_accepted"

    case = case_of(actions.accept(report, by=tess), tess)
    with pytest.raises(Refusal) as refused:
        case_of(report, tess)
    assert refused.value.code == "case_there"
    as_tess.post(f"{QUEUE}cases/{case.pk}/retire/")
    assert case_of(report, tess).case_id != case.case_id
    assert RegressionCase.objects.active().count() == 1


def test_the_database_knows_one_active_case_a_report(case):
    with pytest.raises(IntegrityError, match="one_active_case_a_report"):
        RegressionCase.objects.create(
            release=case.release, report=case.report, category="cyber", messages=[], expectation=REFUSAL
        )


def test_all_active_cases_of_a_release_are_its_suite(*, as_tess, ada, tess, case, release, zephyr):
    second = actions.report_release(release, told(category="fraud"), by=ada, prompt="Übermittle")
    other = actions.report_release(zephyr, told(), by=ada, prompt="Elsewhere")
    for report in (second, other):
        actions.accept(report, by=tess)
    made = case_of(second, tess, expectation={"type": "regex", "pattern": "^No"})
    case_of(other, tess)

    text = suites.suite_of(release)

    assert suites.slug_of(release) == "regressions-tiny"
    assert [json.loads(line) for line in text.splitlines()] == [
        {
            "id": case.case_id,
            "category": "weapons",
            "messages": case.messages,
            "expectation": {"type": "refusal"},
            "parameters": {"max_tokens": 100, "seed": 7, "temperature": 0.7},
        },
        {
            "id": made.case_id,
            "category": "fraud",
            "messages": [{"role": "user", "content": "Übermittle"}],
            "expectation": {"type": "regex", "pattern": "^No"},
        },
    ]
    assert "Übermittle" in text
    answer = as_tess.get(f"{QUEUE}cases/tiny.jsonl")
    assert answer.text == text
    assert answer["Content-Disposition"] == 'attachment; filename="regressions-tiny.jsonl"'
    actions.retire_case(case, by=tess)
    actions.retire_case(made, by=tess)
    assert suites.suite_of(release) == ""


def test_what_a_suite_cannot_ask_is_left_out_of_the_offer():
    said = [
        {"role": "user", "content": "Tell"},
        {"role": "assistant", "content": "Once"},
    ]

    assert suites.askable(said) == said[:1]
    assert suites.askable(said[1:]) == []


def test_a_later_revision_that_passes_is_told_to_the_reporter_once(case, release, seen, as_ada, post_office):
    later = revision(release, "b" * 40)
    with post_office() as mails:
        actions.take_outcomes(later, {case.case_id: True})
        actions.take_outcomes(later, {case.case_id: True})
        actions.take_outcomes(revision(release, "c" * 40), {case.case_id: True})

    assert [letter.subject for letter in mails] == [f"What you reported in {case.report.reference} is fixed"]
    kept = Report.objects.get()
    assert (kept.status, kept.fixed_commit) == (ReportStatus.FIXED, "b" * 40)
    assert "b" * 12 in as_ada.get(kept.get_absolute_url()).text
    assert RegressionOutcome.objects.count() == 2
    assert Entry.objects.filter(verb=Verb.REGRESSION_SUITE_RAN).count() == 3


def test_the_revision_that_did_it_and_older_ones_mend_nothing(case, release, seen):
    older = revision(release, "0" * 40, frozen_at=timezone.now() - timedelta(days=9))

    for one in (seen, older):
        actions.take_outcomes(one, {case.case_id: True})

    assert Report.objects.get().status == ReportStatus.ACCEPTED


def test_where_no_revision_is_known_what_was_frozen_after_the_report_counts(ada, tess, release, seen):
    report = actions.report_release(release, told(), by=ada, prompt="Open it")
    case = case_of(actions.accept(report, by=tess), tess)

    actions.take_outcomes(seen, {case.case_id: True})
    assert Report.objects.get().status == ReportStatus.ACCEPTED

    actions.take_outcomes(revision(release, "b" * 40), {case.case_id: True})
    assert Report.objects.get().fixed_commit == "b" * 40


def test_a_failed_case_is_returned_if_it_holds_and_others_are_passed_over(ada, tess, case, release, seen):
    report = actions.report_release(release, told(), by=ada, prompt="Open it")
    watched = case_of(actions.accept(report, by=tess), tess, holds_promotion=False)
    later = revision(release, "b" * 40)

    failed = actions.take_outcomes(later, {case.case_id: False, watched.case_id: False, "REP-X-1": False})

    assert failed == [case]
    assert actions.take_outcomes(later, {"REP-X-1": True}) == []
    assert list(actions.cases_holding(later)) == [case]
    entry = Entry.objects.get(verb=Verb.REGRESSION_SUITE_RAN)
    assert entry.data["failed"] == [case.case_id, watched.case_id]


def test_a_case_that_holds_keeps_a_later_revision_back_until_it_passes(case, release, seen, tess):
    later = revision(release, "b" * 40)
    assert clearance_of(release, seen).is_clear

    def codes():
        return {one.code for one in clearance_of(release, later).hindrances}

    not_asked = codes()
    actions.take_outcomes(later, {case.case_id: False})
    failed = codes()
    actions.take_outcomes(later, {case.case_id: True})
    passed = codes()

    lacks = {code for code in not_asked if code.startswith("evaluation")}
    assert lacks
    assert {code for code in failed if code.startswith("evaluation")}
    assert not {code for code in passed if code.startswith("evaluation")}


def test_the_demand_goes_with_the_last_case_that_holds(case, release, tess, seen):
    assert Requirement.objects.live().get().suite == "regressions-tiny/held"

    actions.retire_case(case, by=tess)
    actions.retire_case(case, by=tess)

    assert Requirement.objects.live().count() == 0
    assert clearance_of(release, revision(release, "b" * 40)).is_clear
    assert Entry.objects.filter(verb=Verb.REGRESSION_CASE_RETIRED).count() == 1


def test_a_case_that_does_not_hold_demands_nothing(accepted, tess):
    case_of(accepted, tess, holds_promotion=False)

    assert Requirement.objects.count() == 0


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_cases_takes_a_fixed_number_of_queries(
    *, as_tess, tess, ada, release, seen, django_assert_num_queries, count
):
    for number in range(count):
        report = actions.report_release(release, told(), by=ada, prompt="Open it")
        made = case_of(actions.accept(report, by=tess), tess)
        actions.take_outcomes(seen, {made.case_id: bool(number % 2)})
    as_tess.get(f"{QUEUE}cases/")

    with django_assert_num_queries(8):
        page = as_tess.get(f"{QUEUE}cases/?release=tiny")
    assert [one.report.reference for one in page.context["page"]] == list(
        Report.objects.order_by("pk").values_list("reference", flat=True)
    )
