"""A release is clear only by what was measured on its very bytes and signed by the right people."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from portal.common.refusals import Refusal
from portal.releases import actions
from portal.releases.models import Blob, EvaluationKind, ReleaseStatus
from portal.releases.safety import evaluations, policies, requirements, sign_offs
from portal.releases.safety.clearing import clearance_of
from portal.releases.safety.policies import Demand, RoleDemand, Terms
from portal.releases.safety.promoting import NotClear
from tests import cast
from tests.safety import cleared
from tests.safety.cleared import MANAGER, OFFICER, evaluate, freeze, later, sign


def codes(release, **options):
    """What stands in the way, by Python; SQL must agree whether anything does."""
    found = [one.code for one in clearance_of(release, **options).hindrances]
    with connection.cursor() as cursor:
        cursor.execute("SELECT release_hindrance(%s, %s)", [release.pk, options.get("at") or timezone.now()])
        (by_database,) = cursor.fetchone()
    assert bool(found) == bool(by_database), (found, by_database)
    return found


def test_nothing_is_cleared_without_a_policy(db):
    licence = cast.licence()
    draft = actions.create_release(
        slug="r",
        name="R",
        hub_id="open-weights/rr",
        summary="s",
        licence=licence,
        by=None,
        status=ReleaseStatus.EVALUATING,
    )

    assert codes(draft) == ["no_policy"]
    with pytest.raises(NotClear, match="No safety policy is in force yet"):
        actions.clear(draft, by=None)


def test_a_policy_that_demands_nothing_lets_everything_pass(db):
    assert codes(cast.release("r", status=ReleaseStatus.EVALUATING)) == []


def test_a_release_is_cleared_and_opened_once_everything_is_there(draft, olga, remy):
    assert codes(draft) == ["no_revision"]
    revision = freeze(draft)
    assert codes(draft) == ["evaluation_missing", "sign_off_missing", "sign_off_missing"]
    evaluate(revision)
    assert codes(draft) == ["sign_off_missing", "sign_off_missing"]
    sign_offs.sign(revision, role=OFFICER, by=olga)
    assert codes(draft) == ["sign_off_missing"]
    with pytest.raises(NotClear, match="It is not signed off by Release managers yet"):
        actions.clear(draft, by=None)
    sign_offs.sign(revision, role=MANAGER, by=remy)
    assert codes(draft) == []

    actions.clear(draft, by=None)
    actions.open_release(draft, by=None)

    assert draft.status == ReleaseStatus.OPEN


def test_the_newest_evaluation_counts_however_good_one_before_was(signed, revision):
    evaluate(revision, 0.5)

    assert codes(signed) == ["evaluation_failed"]
    assert "measured was 0.5" in clearance_of(signed).hindrances[0].sentence


def test_a_newer_good_evaluation_leaves_the_sign_offs_standing(signed, revision):
    evaluate(revision, 0.99)

    assert codes(signed) == []


def test_a_withdrawn_evaluation_takes_the_sign_offs_with_it(signed, revision):
    old = revision.evaluations.get()
    evaluate(revision, 0.99)

    evaluations.withdraw(old, reason="The prompts had leaked into the training data.", by=None)

    assert codes(signed) == ["sign_off_fell", "sign_off_fell"]


def test_withdrawing_a_failed_result_does_not_bring_the_old_sign_offs_back(signed, revision, olga, remy):
    failed = evaluate(revision, 0.2)

    evaluations.withdraw(failed, reason="It was unlucky.", by=remy)

    assert codes(signed) == ["sign_off_fell", "sign_off_fell"]
    sign(revision, olga, remy)
    assert codes(signed) == []


def test_a_sign_off_expires_at_its_date_and_at_the_policys(signed):
    assert codes(signed, at=later(days=89)) == []
    assert codes(signed, at=later(days=91)) == ["sign_off_expired"]
    policies.put_in_force(
        Terms("Stricter", cleared.TERMS.evaluations, (RoleDemand(OFFICER, 10), RoleDemand(MANAGER, 10))),
        by=None,
    )
    assert codes(signed, at=later(days=9)) == []
    assert codes(signed, at=later(days=11)) == ["sign_off_expired", "sign_off_expired"]


def test_a_new_policy_binds_what_is_signed_already(signed, revision):
    more = (*cleared.TERMS.evaluations, Demand("over-refusal", "pass_rate", 0.8))
    policies.put_in_force(Terms("More", more, cleared.TERMS.sign_offs), by=None)
    assert codes(signed) == ["evaluation_missing", "sign_off_incomplete", "sign_off_incomplete"]

    evaluate(revision, suite="over-refusal")

    assert codes(signed) == ["sign_off_incomplete", "sign_off_incomplete"]


def test_a_demand_may_be_an_upper_bound_and_name_one_version_of_a_suite(draft, revision):
    asked = Demand("toxicity", "rate", 0.1, is_at_most=True, suite_sha256="d" * 64)
    policies.put_in_force(Terms("Bound", (asked,), cleared.TERMS.sign_offs), by=None)
    evaluate(revision, suite="toxicity", metrics={"rate": 0.01})
    assert codes(draft)[0] == "evaluation_missing"

    evaluate(revision, suite="toxicity", suite_sha256="d" * 64, metrics={"rate": 0.2})
    assert codes(draft)[0] == "evaluation_failed"

    evaluate(revision, suite="toxicity", suite_sha256="d" * 64, metrics={"rate": 0.1})
    assert codes(draft) == ["sign_off_missing", "sign_off_missing"]


def test_a_report_is_no_substitute_for_a_run_and_counts_where_one_is_demanded(draft, revision, olga, remy):
    policies.put_in_force(
        Terms("Report", cleared.TERMS.evaluations, cleared.TERMS.sign_offs, needs_report=True), by=None
    )
    evaluate(revision)
    assert codes(draft)[0] == "report_missing"

    evaluations.record_report(revision, cleared.REPORT, by=None)
    sign(revision, olga, remy)

    assert codes(draft) == []
    assert evaluations.REPORT_SUITE in {one.suite for one in revision.evaluations.all()}
    evaluate(revision, suite="refusal", kind=EvaluationKind.REPORT, value=0.1)
    assert codes(draft) == []


def test_a_sign_off_from_before_the_report_does_not_cover_it(signed, revision):
    policies.put_in_force(
        Terms("Report", cleared.TERMS.evaluations, cleared.TERMS.sign_offs, needs_report=True), by=None
    )
    evaluations.record_report(revision, cleared.REPORT, by=None)

    assert codes(signed) == ["sign_off_incomplete", "sign_off_incomplete"]


def test_a_damaged_file_shuts_the_release(signed):
    Blob.objects.create(sha256="a" * 64, size_bytes=10, damaged_at=timezone.now(), damage="Another hash.")

    assert codes(signed) == ["files_damaged"]


def test_a_requirement_binds_the_revisions_to_come_alone(signed, revision, olga, remy):
    requirements.require(
        signed, suite="regressions", metric="pass_rate", threshold=1, reason="REP-1", by=None
    )
    assert codes(signed) == []

    new = freeze(signed, content="e")
    evaluate(new)
    assert codes(signed)[0] == "evaluation_missing"

    evaluate(new, suite="regressions", metrics={"pass_rate": 1})
    sign(new, olga, remy)
    assert codes(signed) == []
    requirements.lift(signed.requirements.get(), reason="It was a joke.", by=None)
    assert codes(signed) == []


def test_a_requirement_binds_where_the_policy_demands_nothing(release):
    requirements.require(
        release, suite="regressions", metric="pass_rate", threshold=1, reason="REP-1", by=None
    )
    assert codes(release) == []

    new = freeze(release)
    assert codes(release) == ["evaluation_missing"]

    evaluate(new, suite="regressions", metrics={"pass_rate": 1})
    assert codes(release) == []


@pytest.mark.parametrize(("status", "others"), [("nobody", 1), ("all", 3)])
def test_clearance_costs_two_queries_however_much_there_is(
    signed, revision, status, others, django_assert_num_queries
):
    for number in range(others):
        evaluate(revision, suite=f"other-{number}")

    with django_assert_num_queries(2):
        assert clearance_of(signed).is_clear


def test_who_may_sign(draft, revision, olga, remy, mallory):
    evaluate(revision)
    draft.author = remy
    draft.save()

    for person, role, sentence in (
        (remy, MANAGER, "You made Falcon"),
        (mallory, OFFICER, "The policy does not ask you to sign as Safety officers"),
        (olga, MANAGER, "The policy does not ask you to sign as Release managers"),
    ):
        with pytest.raises(Refusal, match=sentence):
            sign_offs.sign(revision, role=role, by=person)
    assert not revision.sign_offs.exists()


def test_one_person_with_both_roles_signs_only_once(draft, revision, olga):
    evaluate(revision)
    cast.give_role(olga, role=MANAGER)
    sign_offs.sign(revision, role=OFFICER, by=olga)

    with pytest.raises(Refusal, match="in another role"):
        sign_offs.sign(revision, role=MANAGER, by=olga)

    assert codes(draft) == ["sign_off_missing"]


def test_nobody_signs_for_what_fails_or_changed_since_they_read_it(draft, revision, olga):
    with pytest.raises(Refusal, match="Nobody can sign for this revision yet"):
        sign_offs.sign(revision, role=OFFICER, by=olga)
    evaluate(revision)

    with pytest.raises(Refusal, match="changed since you read them"):
        sign_offs.sign(revision, role=OFFICER, by=olga, seen=["0" * 64])

    assert not revision.sign_offs.exists()


def test_signing_again_replaces_ones_own_and_lasts_as_asked(signed, revision, olga):
    sign_offs.sign(revision, role=OFFICER, by=olga, days=5)

    assert codes(signed) == []
    assert codes(signed, at=later(days=6)) == ["sign_off_expired"]
    old = revision.sign_offs.exclude(withdrawn_at=None).get()
    assert old.withdrawal_reason == sign_offs.RENEWED


def test_a_sign_off_is_taken_back_by_its_signer_or_who_sets_the_policy(signed, revision, olga, remy):
    of_olga, of_remy = revision.sign_offs.order_by("role").reverse()
    with pytest.raises(Refusal, match="Only who signed"):
        sign_offs.withdraw(of_olga, reason="I disagree.", by=remy)

    sign_offs.withdraw(of_remy, reason="A flaw was found.", by=olga)

    assert codes(signed) == ["sign_off_missing"]


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        (Terms("One", sign_offs=(RoleDemand(OFFICER, 9),)), "two different roles"),
        (Terms("Twice", sign_offs=(RoleDemand(OFFICER, 9), RoleDemand(OFFICER, 9))), "two different roles"),
        (Terms("Days", sign_offs=(RoleDemand(OFFICER, 0), RoleDemand(MANAGER, 9))), "1 to 730 days"),
        (Terms("Report alone", needs_report=True), "two different roles"),
        (
            Terms("Repeats", (Demand("a", "m", 1), Demand("a", "m", 2)), cleared.TERMS.sign_offs),
            "each only once",
        ),
    ],
)
def test_a_policy_that_means_nothing_is_refused(db, terms, sentence):
    with pytest.raises(Refusal, match=sentence):
        policies.put_in_force(terms, by=None)


def test_two_who_change_the_policy_at_once_do_not_overwrite_each_other(db):
    cast.policy()

    with pytest.raises(Refusal, match="another policy in force since you read it"):
        policies.put_in_force(cleared.TERMS, by=None, seen_number=0)
    assert policies.put_in_force(cleared.TERMS, by=None, seen_number=1).number == 2


def test_what_is_no_result_is_refused(revision):
    for changes in ({"suite": "no spaces"}, {"suite_sha256": "x"}, {"metrics": {"m": float("nan")}}):
        with pytest.raises(Refusal):
            evaluate(revision, **changes)
    with pytest.raises(Refusal, match="Answer every recommendation"):
        unanswered = (evaluations.Recommendation("Test it.", " "),)
        evaluations.record_report(
            revision, cleared.Report(**(vars(cleared.REPORT) | {"recommendations": unanswered})), by=None
        )
    assert not revision.evaluations.exists()


def test_an_evaluation_is_withdrawn_once_with_a_reason(signed, revision):
    found = revision.evaluations.get()
    with pytest.raises(Refusal, match="Say why"):
        evaluations.withdraw(found, reason=" ", by=None)
    evaluations.withdraw(found, reason="Wrong sampling.", by=None)

    with pytest.raises(Refusal, match="already"):
        evaluations.withdraw(found, reason="Again.", by=None)
    assert codes(signed)[0] == "evaluation_missing"


def test_an_old_current_revision_counts_while_a_new_one_waits(signed, revision):
    actions.clear(signed, by=None)
    actions.open_release(signed, by=None)
    new = freeze(signed, content="f", is_current=False, at=timezone.now() + timedelta(seconds=1))

    assert codes(signed) == []
    assert not clearance_of(signed, new).is_clear
