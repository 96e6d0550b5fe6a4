"""The page of a person's usage: sums, filters, the file, and what limits leave."""

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.keys import actions
from portal.keys.models import DEVELOPER_SCOPES, ApiKey, DailyUsage, Limit
from portal.keys.percentiles import bucket_of, milliseconds_of
from tests import cast

PAGE = "/usage/"


def use(key, release, *, days_ago=0, requests=4, failures=1, prompt=1000, completion=50, first_ms=(250,)):
    """What a key used on a day, as the recording task writes it."""
    counts = [0] * (bucket_of(max(first_ms)) + 1) if first_ms else []
    for one in first_ms:
        counts[bucket_of(one)] += 1
    return DailyUsage.objects.create(
        key=key,
        release=release,
        day=timezone.now().date() - timedelta(days=days_ago),
        requests_count=requests,
        failures_count=failures,
        prompt_tokens_count=prompt,
        completion_tokens_count=completion,
        first_token_counts=counts,
    )


def rows_of(answer):
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


@pytest.fixture
def phone(ada):
    """A second key of Ada's."""
    return actions.create(ada, name="phone", scopes=DEVELOPER_SCOPES, by=ada)


def test_ada_sees_sums_and_percentiles_over_days_models_and_keys(as_ada, laptop, phone, release):
    use(laptop.key, release, first_ms=[100] * 94 + [4000])
    use(phone.key, release, days_ago=3, first_ms=[100] * 5)
    use(phone.key, release, days_ago=40, requests=7)

    page = as_ada.get(PAGE)

    total = page.context["days"].total
    assert (total.requests, total.failures, total.prompt_tokens, total.completion_tokens) == (8, 2, 2000, 100)
    assert total.p50_ms == total.p95_ms == milliseconds_of(bucket_of(100))
    assert [line.amount.requests for line in page.context["releases"]] == [8]
    keys = [(line.given["key__name"], line.amount.p95_ms) for line in page.context["keys"]]
    assert sorted(keys) == [("laptop", 105), ("phone", 105)]
    assert len(page.context["days"].amounts) == 30


@pytest.mark.parametrize(
    ("question", "requests"),
    [
        ("", 12),
        ("days=7", 8),
        ("days=90", 16),
        ("release=other", 4),
        ("key=phone", 4),
        ("days=90&key=phone&release=tiny", 8),
        ("days=7&key=phone&release=other", 0),
    ],
)
def test_the_page_and_the_file_are_filtered_alike(as_ada, laptop, phone, release, *, question, requests):
    other = cast.release("other", under=release.licence)
    use(laptop.key, release)
    use(laptop.key, other, days_ago=6)
    use(phone.key, release, days_ago=7)
    use(phone.key, release, days_ago=31)
    ApiKey.objects.filter(pk=phone.key.pk).update(public_id="phone")

    page = as_ada.get(f"{PAGE}?{question}")
    rows = rows_of(as_ada.get(f"{PAGE}usage.csv?{question}"))

    assert page.context["days"].total.requests == requests
    assert sum(int(row["Requests"]) for row in rows) == requests
    assert ("Nothing used" in page.content.decode()) == (not requests)


def test_mallory_sees_nothing_of_ada(as_mallory, laptop, release):
    use(laptop.key, release, prompt=12_345)

    page = as_mallory.get(PAGE)
    by_key = as_mallory.get(f"{PAGE}?key={laptop.key.public_id}")
    file = as_mallory.get(f"{PAGE}usage.csv")

    assert "Nothing used yet" in page.content.decode()
    assert laptop.key.public_id not in page.content.decode()
    assert by_key.status_code == 422
    assert rows_of(file) == []
    assert as_mallory.get(f"{PAGE}usage.csv?key={laptop.key.public_id}").status_code == 400


@pytest.mark.parametrize("question", ["days=8", "days=x", "release=none", "key=%00"])
def test_nonsense_is_told_as_such(as_ada, laptop, release, question):
    use(laptop.key, release)

    page = as_ada.get(f"{PAGE}?{question}")

    assert page.status_code == 422
    assert "Choose from the lists" in page.content.decode()


def test_the_file_is_safe_in_a_spreadsheet(as_ada, ada, release):
    evil = actions.create(ada, name='=HYPERLINK("http://x")', scopes=DEVELOPER_SCOPES, by=ada).key
    use(evil, release, first_ms=())

    answer = as_ada.get(f"{PAGE}usage.csv")

    assert answer.headers["Content-Disposition"].startswith('attachment; filename="usage-')
    (row,) = rows_of(answer)
    assert row["Key"] == '\'=HYPERLINK("http://x")'
    assert row["First token p50 (ms)"] == ""


def test_htmx_gets_the_report_alone(as_ada, laptop, release):
    use(laptop.key, release)

    page = as_ada.get(PAGE, headers={"HX-Request": "true"}).content.decode()

    assert page.strip().startswith('<div class="stack" id="usage-report"')
    assert '<h2 id="limits-title">' not in page


def test_charts_say_their_numbers_without_a_mouse(as_ada, laptop, release):
    use(laptop.key, release)

    page = as_ada.get(PAGE).content.decode()

    assert page.count('role="img"') == page.count('tabindex="0"') == page.count("<desc") == 3
    assert page.count(": the numbers</summary>") == 3
    assert "style=" not in page


def test_limits_tell_what_remains(as_ada, ada, laptop, release):
    Limit.objects.create(user=ada, tokens_per_day=10_000)
    use(laptop.key, release, prompt=2_000, completion=500)

    page = as_ada.get(PAGE).content.decode()

    assert "Your account" in page
    assert "7,500 of 10,000 left" in page
    assert "Limits of each key" in page


def test_page_costs_as_many_queries_for_one_key_and_twenty(
    as_ada, ada, laptop, release, django_assert_max_num_queries
):
    use(laptop.key, release)
    Limit.objects.create(user=ada, tokens_per_day=10_000)
    as_ada.get(PAGE)
    with django_assert_max_num_queries(13) as queries:
        as_ada.get(f"{PAGE}?key={laptop.key.public_id}&release=tiny")
    first = len(queries)
    for number in range(19):
        use(actions.create(ada, name=f"{number}", scopes=DEVELOPER_SCOPES, by=ada).key, release)

    with django_assert_max_num_queries(13) as queries:
        as_ada.get(PAGE)

    assert len(queries) == first
