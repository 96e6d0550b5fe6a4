"""The staff's page of usage: everybody's, one person's, one model's, and the file."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from portal.keys import actions, usage_writing
from portal.keys.models import DailyReleaseUsage, Scope
from portal.keys.usage_writing import Sums
from tests import cast
from tests.conftest import signed_in

PAGE = "/console/usage/"
TODAY = datetime.now(UTC).date()


@pytest.fixture
def as_milo(db):
    return signed_in(cast.staff("milo@example.org", "Release managers"))


def use(user, release, *, requests, days_ago=0):
    """Usage as the worker writes it."""
    key = actions.create(user, name="calls", scopes=[Scope.INFERENCE], by=user).key
    sums = Sums(requests=requests, failures=1, prompt_tokens=10 * requests, completion_tokens=5 * requests)
    sums.add_first_token(120)
    usage_writing.write({(key.pk, release.pk, TODAY - timedelta(days=days_ago)): sums}, {})
    return key


@pytest.mark.parametrize("path", ["", "usage.csv"])
def test_only_those_who_see_limits_see_usage(client, as_mallory, as_rosa, path):
    assert client.get(PAGE + path).status_code == 302
    assert (as_mallory.get(PAGE + path).status_code, as_rosa.get(PAGE + path).status_code) == (403, 403)


def test_milo_sees_everybody_and_one_person(as_milo, ada, mallory, release):
    use(ada, release, requests=1_234)
    use(mallory, release, requests=4_000, days_ago=3)
    use(mallory, release, requests=77_777, days_ago=40)

    everybody, hers = as_milo.get(PAGE), as_milo.get(PAGE, {"person": "ADA@example.org"})

    assert everybody.context["days"].total.requests == 5_234
    assert [line.given["key__user__email"] for line in everybody.context["people"]] == [
        mallory.email,
        ada.email,
    ]
    assert hers.context["days"].total.requests == 1_234
    assert "1,234" in hers.content.decode()
    assert mallory.email not in hers.content.decode()
    assert as_milo.get(PAGE, {"days": "90"}).context["days"].total.requests == 83_011


def test_what_was_used_stays_when_its_key_is_gone(as_milo, ada, release):
    use(ada, release, requests=12).delete()

    page = as_milo.get(PAGE)

    assert page.context["days"].total.requests == 12
    assert "The keys with which this was used are gone" in page.content.decode()


def test_one_model(as_milo, ada, release):
    other = cast.release(slug="other")
    use(ada, release, requests=5)
    use(ada, other, requests=9)

    page = as_milo.get(PAGE, {"release": "other"})

    assert page.context["days"].total.requests == 9
    assert [line.given["release__slug"] for line in page.context["releases"]] == ["other"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"person": "nobody@example.org"}, "Nobody has an account with this address."),
        ({"person": "nobody"}, "That is not an e-mail address."),
        ({"release": "none"}, "There is no such period or model."),
        ({"days": "8"}, "There is no such period or model."),
    ],
)
def test_a_filter_that_fits_nothing_is_told_and_kept(as_milo, asked, sentence):
    page = as_milo.get(PAGE, asked)

    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert as_milo.get(f"{PAGE}usage.csv", asked).status_code == 400


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_person_whom_nobody_knows_is_told_of_once(as_milo, headers):
    page = as_milo.get(PAGE, {"person": "nobody@example.org"}, headers=headers).content.decode()

    assert page.count("Nobody has an account with this address.") == 1
    assert page.count("Nothing was added up.") == 1


def test_nothing_used_and_nothing_found_say_so(as_milo, ada, release):
    assert "Nothing used yet" in as_milo.get(PAGE).content.decode()
    assert "Ask for other days" in as_milo.get(PAGE, {"person": ada.email}).content.decode()


def test_htmx_gets_the_report_alone(as_milo):
    page = as_milo.get(PAGE, headers={"HX-Request": "true"}).content.decode()

    assert "usage-report" in page
    assert "<html" not in page


def test_the_file_has_a_row_a_day_model_and_person(as_milo, ada, mallory, release):
    for user in (ada, ada, mallory):
        use(user, release, requests=3)

    answer = as_milo.get(f"{PAGE}usage.csv")

    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert [(row["Person"], row["Requests"], row["Prompt tokens"]) for row in rows] == [
        (ada.email, "6", "60"),
        (mallory.email, "3", "30"),
    ]
    assert rows[0]["Day (UTC)"] == TODAY.isoformat()


def test_as_many_queries_for_many_people_as_for_one(as_milo, ada, release, django_assert_num_queries):
    use(ada, release, requests=1)
    as_milo.get(PAGE)
    with django_assert_num_queries(8) as few:
        as_milo.get(PAGE)
    for number in range(12):
        use(cast.person(f"p{number}@example.org"), cast.release(slug=f"r{number}"), requests=2)
    with django_assert_num_queries(len(few)):
        as_milo.get(PAGE)
    assert DailyReleaseUsage.objects.count() == 13
