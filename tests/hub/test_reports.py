"""Reports over downloads: by day, revision and client, and the lists behind them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from portal.hub import counting, reports
from portal.hub.models import Download, DownloadState, Sheaf
from tests import cast
from tests.hub.taking import revision, take

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = date(2026, 11, 20)
HF = "unknown/None; hf_hub/1.2.0; python/3.11.7"


@pytest.fixture(params=["fresh", "counted", "half"])
def count(request):
    """Whether all, none or the first half of the downloads were added up before they are read."""
    return {"fresh": lambda half: 0, "half": lambda half: half and counting.count_ended()}.get(
        request.param, lambda half: counting.count_ended()
    )


@pytest.fixture
def weights(release):
    return revision(release, "v1", model=1000, config=10)


@pytest.mark.parametrize(
    ("client", "family"),
    [
        ("huggingface-cli/None; hf_hub/2.4.0; python/3.11.7", "hf"),
        (HF, "hf"),
        ("unknown/None; hf_hub/1.2.0; python/3.11; transformers/5.23.0; session_id/1", "transformers"),
        ("unknown/None; hf_hub/1.2.0; transformers/5.23.0; vllm/0.32", "vllm"),
        ("curl/8.5.0", "curl"),
        ("aria2/1.37.0", "aria2"),
        ("Wget/1.21.4", "wget"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "browser"),
        ("python-requests/2.32", "other"),
        ("", "other"),
        # What PostgreSQL's LIKE takes for any one letter.
        ("hfxhub/1", "other"),
    ],
)
def test_client_is_told_by_its_user_agent(ada, weights, client, family):
    take(ada, weights, "model", client=client)

    assert Download.objects.get().family == family
    assert Download.objects.get().client_name


def test_report_adds_up_by_day_revision_and_client(ada, release, weights, count):
    grace = cast.developer("grace@example.org", release)
    newer = revision(release, "v2", model=500)
    take(ada, weights, "model", (0, 499), started_at=NOON, client=HF)
    take(ada, weights, "model", (500, 999), started_at=NOON, client=HF)
    count(True)
    take(grace, weights, "model", sent=300, started_at=NOON + timedelta(days=1), client="curl/8.5")
    take(ada, newer, "model", started_at=NOON - timedelta(days=400), client=HF)
    take(ada, newer, "model", sent=7, ended=False, started_at=NOON, client=HF)
    elsewhere = revision(cast.release("other", under=release.licence), model=5)
    take(ada, elsewhere, "model", started_at=NOON)
    count(False)

    report = reports.of_release(release, since=DAY - timedelta(days=1), until=DAY + timedelta(days=1))

    assert list(report.days.items()) == [
        (DAY - timedelta(days=1), reports.Amount(0, 0)),
        (DAY, reports.Amount(3, 1007)),
        (DAY + timedelta(days=1), reports.Amount(1, 300)),
    ]
    assert {(one.name, amount, people) for one, amount, people in report.revisions} == {
        ("v1", reports.Amount(3, 1300), 2),
        ("v2", reports.Amount(2, 507), 1),
    }
    assert report.families == [("hf", reports.Amount(4, 1507)), ("curl", reports.Amount(1, 300))]
    assert (report.total, report.people_count) == (reports.Amount(5, 1807), 2)
    everything = reports.of_all(since=DAY, until=DAY)
    assert [(one.slug, amount) for one, amount in everything] == [
        ("tiny", reports.Amount(3, 1007)),
        ("other", reports.Amount(1, 5)),
    ]


@pytest.mark.parametrize("number", [1, 3])
def test_report_costs_the_same_for_one_and_three(release, weights, number, django_assert_num_queries):
    for index in range(number):
        person = cast.person(f"p{index}@example.org")
        take(person, weights, "model", started_at=NOON - timedelta(days=index))
        take(person, revision(release, f"r{index}", model=5), "model", ended=False)

    with django_assert_num_queries(6):
        reports.of_release(release, since=DAY, until=DAY)
    with django_assert_num_queries(3):
        reports.of_all(since=DAY, until=DAY)


def test_days_are_those_of_utc(ada, weights, settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    take(ada, weights, "model", started_at=datetime(2026, 11, 20, 23, 59, tzinfo=UTC))

    assert Download.objects.get().day == DAY


def test_states_of_list_and_record_agree(ada, weights):
    made = {
        "under_way": take(ada, weights, "model", sent=3, ended=False),
        "done": take(ada, weights, "model"),
        "broken_off": take(ada, weights, "model", sent=3),
        "cut": take(ada, weights, "model", sent=3, cut_reason="The approval was revoked."),
    }
    still_cut = take(ada, weights, "model", sent=3, ended=False, cut_reason="The approval was revoked.")

    found = {state: set(Download.objects.matching(state=state)) for state in DownloadState.values}

    assert found == {state: {one} for state, one in made.items()} | {"cut": {made["cut"], still_cut}}
    assert all(one.state == state for state, ones in found.items() for one in ones)


def test_list_is_filtered_by_each_fact(ada, release, weights):
    grace = cast.developer("grace@example.org", release)
    model = take(ada, weights, "model", started_at=NOON, client=HF)
    config = take(grace, weights, "config", started_at=NOON + timedelta(days=1), client="curl/8.5")
    later = take(grace, weights, "model", started_at=NOON + timedelta(days=2), client="curl/8.5")

    def found(**question):
        return list(Download.objects.matching(**question).newest_first())

    assert found() == [later, config, model]
    assert found(files=[model.file_id]) == [later, model]
    assert found(files=[]) == []
    assert found(people=[grace.pk]) == [later, config]
    assert found(family="hf") == [model]
    assert found(since=DAY + timedelta(days=1)) == [later, config]
    assert found(until=DAY + timedelta(days=1)) == [config, model]
    assert list(Download.objects.newest_first(after=(config.day, config.pk))) == [model]


def test_many_ranges_of_one_file_are_one_row_a_day(ada, release, weights):
    grace = cast.developer("grace@example.org", release)
    for first in range(0, 1000, 100):
        take(ada, weights, "model", (first, first + 99), started_at=NOON + timedelta(seconds=first))
    take(ada, weights, "model", (0, 99), started_at=NOON + timedelta(days=1), client="curl/8.5")
    take(ada, weights, "config", started_at=NOON)
    take(grace, weights, "model", started_at=NOON, sent=5, ended=False)

    rows = list(Download.objects.in_sheaves())
    walked, after = [], None
    while page := list(Download.objects.in_sheaves(after=after)[:1]):
        walked += page
        after = Sheaf(page[0]["day"], page[0]["user_id"], page[0]["file_id"])

    assert walked == rows
    facts = [
        (one["day"] - DAY, one["user_id"], one["request_count"], one["sum_bytes"], one["running_count"])
        for one in rows
    ]
    assert facts == [
        (timedelta(days=1), ada.pk, 1, 100, 0),
        (timedelta(0), grace.pk, 1, 5, 1),
        (timedelta(0), ada.pk, 1, 10, 0),
        (timedelta(0), ada.pk, 10, 1000, 0),
    ]
    assert rows[3]["first_at"] == NOON
    assert (rows[3]["family_count"], rows[3]["one_family"]) == (1, "hf")
