"""The chain: it grows by one, never forks, and cannot be changed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, transaction

from portal.ledger.actions import first_break, record, record_all
from portal.ledger.models import FIRST_HASH, Entry
from portal.ledger.verbs import Verb
from tests import cast


def write(user, **data):
    with transaction.atomic():
        return record(Verb.ACCOUNT_CREATED, subject=user, by=user, data=data, address="192.0.2.7")


def test_ledger_two_entries_are_chained(mallory):
    first = write(mallory, n=1)
    second = write(mallory, n=2)

    assert (first.number, first.previous_hash) == (1, FIRST_HASH)
    assert (second.number, second.previous_hash) == (2, first.hash)
    assert first_break() is None


@pytest.mark.parametrize("count", [1, 3])
def test_ledger_many_entries_are_chained_in_their_order_by_three_statements(
    mallory, count, django_assert_num_queries
):
    before = write(mallory)
    facts = [(mallory, {"n": number}) for number in range(count)]

    with transaction.atomic(), django_assert_num_queries(3):
        written = record_all(Verb.ACCOUNT_CREATED, facts, by=mallory, address="192.0.2.7")
    after = write(mallory)

    assert [entry.data["n"] for entry in Entry.objects.in_order() if entry.data] == list(range(count))
    assert [written[0].previous_hash, after.previous_hash] == [before.hash, written[-1].hash]
    assert first_break() is None


def test_ledger_keeps_names_when_the_portal_acts(mallory):
    with transaction.atomic():
        entry = record(Verb.ACCOUNT_CREATED, subject=mallory, by=None)

    assert (entry.actor_id, entry.actor_label) == (None, "the portal")
    assert (entry.subject_type, entry.subject_label) == ("accounts.user", "mallory@example.org")


@pytest.mark.django_db(transaction=True)
def test_ledger_refuses_outside_a_transaction():
    user = cast.person("mallory@example.org")

    with pytest.raises(transaction.TransactionManagementError):
        record(Verb.ACCOUNT_CREATED, subject=user, by=user)

    assert not Entry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_ledger_rolls_back_with_its_change():
    user = cast.person("mallory@example.org")

    with pytest.raises(RuntimeError), transaction.atomic():
        record(Verb.ACCOUNT_CREATED, subject=user, by=user)
        raise RuntimeError

    assert not Entry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_ledger_concurrent_writers_make_no_fork_and_no_gap():
    user = cast.person("mallory@example.org")

    def write_some(worker: int) -> None:
        try:
            for n in range(5):
                write(user, worker=worker, n=n)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write_some, range(8)))

    assert list(Entry.objects.order_by("number").values_list("number", flat=True)) == list(range(1, 41))
    assert first_break() is None


@pytest.mark.parametrize("statement", ["UPDATE ledger_entry SET verb = 'x'", "DELETE FROM ledger_entry"])
def test_ledger_postgres_refuses_to_rewrite_it(mallory, statement):
    write(mallory)

    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
