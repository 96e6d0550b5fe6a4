"""The ledger as auditors read it."""

import pytest
from django.db import transaction

from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from tests import cast
from tests.conftest import signed_in


@pytest.fixture
def as_olga(db):
    """A browser in which an auditor is signed in."""
    return signed_in(cast.staff("olga@example.org", "Auditors"))


def write(user, count=1):
    with transaction.atomic():
        for _ in range(count):
            record(Verb.ACCOUNT_CREATED, subject=user, by=user, address="192.0.2.1")
        record(Verb.KEY_CREATED, subject=user, by=None)


def numbers(page):
    return [entry.number for entry in page.context["page"]]


def test_olga_reads_entries_newest_first(as_olga, mallory):
    write(mallory, 2)

    page = as_olga.get("/console/ledger/")

    assert numbers(page) == [3, 2, 1]
    assert "192.0.2.1" in page.content.decode()
    assert "the portal" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("verb=key.created", [2]),
        ("q=MALLORY", [2, 1]),
        ("q=nobody", []),
        ("verb=nonsense", []),
        ("page=99", [2, 1]),
    ],
)
def test_olga_filters(as_olga, mallory, query, found):
    write(mallory)

    assert numbers(as_olga.get(f"/console/ledger/?{query}")) == found


def test_a_filter_without_matches_says_what_to_do(as_olga):
    assert "The ledger is empty" in as_olga.get("/console/ledger/").content.decode()
    assert "No entry matches" in as_olga.get("/console/ledger/?q=nobody").content.decode()


def test_reviewers_do_not_read_the_ledger(as_rosa):
    assert as_rosa.get("/console/ledger/").status_code == 403


@pytest.mark.parametrize("count", [1, 3])
def test_the_ledger_costs_the_same_for_few_entries_and_more(
    as_olga, mallory, count, settings, django_assert_num_queries
):
    settings.USERSESSIONS_TRACK_ACTIVITY = False
    write(mallory, count)

    # The session, the person, two kinds of permissions, the count and the rows.
    with django_assert_num_queries(6):
        as_olga.get("/console/ledger/")
