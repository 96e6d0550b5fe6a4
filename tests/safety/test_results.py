"""Results on a release's page, in its README.md and in what is computed from it."""

from huggingface_hub import ModelCard

from portal.releases.cards.facts import facts_of
from portal.releases.safety import evaluations, results
from tests import cast
from tests.safety import cleared
from tests.safety.cleared import evaluate, freeze

CATEGORIES = {
    "categories": [{"category": "cyber", "met": 8, "total": 10}, {"category": "fraud", "met": 9, "total": 10}]
}
METRICS = {
    "pass_rate": 0.85,
    "pass_rate_low": 0.64,
    "pass_rate_high": 0.95,
    "pass_rate.cyber": 0.8,
    "pass_rate.fraud": 0.9,
}


def test_the_newest_live_result_of_each_suite_counts_and_reports_stand_apart(revision):
    evaluate(revision, 0.1)
    evaluate(revision, 0.95)
    taken_back = evaluate(revision, 0.5, suite="other")
    evaluations.withdraw(taken_back, reason="Wrong.", by=None)
    evaluations.record_report(revision, cleared.REPORT, by=None)

    newest = results.newest_of(revision)
    (measured,) = results.measured(newest)

    assert measured.metrics == {"pass_rate": 0.95}
    assert measured.is_met
    assert [one.suite for one in results.reports(newest)] == [evaluations.REPORT_SUITE]


def test_bars_stand_for_all_cases_and_for_each_category_and_the_main_number_alone_is_told(revision):
    evaluate(revision, metrics=METRICS, facts=CATEGORIES)

    (measured,) = results.measured(results.newest_of(revision))

    assert [(bar.label, bar.width) for bar in measured.bars] == [
        ("All", 85.0),
        ("cyber", 80.0),
        ("fraud", 90.0),
    ]
    assert measured.metrics == {"pass_rate": 0.85}
    assert not measured.is_met


def test_the_page_shows_what_was_measured_and_what_is_demanded(release, client):
    revision = freeze(release)
    evaluate(revision, metrics=METRICS, facts=CATEGORIES)
    assert "Nothing depends on it" in client.get("/releases/tiny/").text

    cast.policy(cleared.TERMS)
    page = client.get("/releases/tiny/").text

    assert "Demanded: pass_rate of at least 0.9" in page
    assert "Not met" in page
    assert "8 of 10; 49 to 94 %" in page


def test_the_readme_carries_the_results_in_the_form_of_the_hub(release, client):
    evaluate(freeze(release), metrics=METRICS, facts=CATEGORIES)

    card = ModelCard(client.get("/releases/tiny/README.md").text)

    (told,) = card.data.eval_results
    assert (told.dataset_name, told.metric_type, told.metric_value) == ("refusal", "pass_rate", 0.85)


def test_facts_cost_the_same_for_one_result_and_three(release, django_assert_num_queries):
    revision = freeze(release)
    for number in range(3):
        evaluate(revision, suite=f"suite-{number}")
        with django_assert_num_queries(5):
            assert len(facts_of(release, revision).rows) == number + 1
