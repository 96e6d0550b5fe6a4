"""Questions that are written once: the same rows as Django's own, whatever the values."""

import threading
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import Exists, OuterRef
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from playground.models import Conversation, Generation, Turn
from portal.accounts.models import User
from portal.common.prepared import prepared
from portal.common.threads import let_go_after
from portal.ledger.models import Entry
from tests import cast

pytestmark = pytest.mark.django_db


def people(*, pk):
    """A question that each test prepares anew."""
    return User.objects.filter(pk=pk)


def numbered(*, number):
    """Another."""
    return Entry.objects.filter(number=number)


def test_new_values_are_asked_with_the_same_sql(django_assert_num_queries):
    calls = []

    @prepared
    def named(*, pk, email):
        calls.append((pk, email))
        return User.objects.filter(pk=pk, email__iexact=email)

    ada, bo = (User.objects.create(email=f"{name}@example.org") for name in ("ada", "bo"))
    assert named(pk=ada.pk, email="ADA@example.org") == [ada]
    with django_assert_num_queries(2):
        assert named(pk=bo.pk, email="bo@example.org") == [bo]
        assert named(pk=bo.pk, email="ada@example.org") == []
    assert len(calls) == 1


def test_one_value_may_stand_at_several_places():
    @prepared
    def either(*, word):
        return User.objects.filter(email=word) | User.objects.filter(full_name=word)

    ada = User.objects.create(email="a@example.org", full_name="Ada 100%")
    assert either(word="a@example.org") == either(word="Ada 100%") == [ada]


def test_related_rows_and_annotations_come_along(django_assert_num_queries):
    @prepared
    def talks(*, user_id, since):
        generations = Generation.objects.filter(turn__conversation=OuterRef("pk"))
        found = Conversation.objects.filter(user=user_id, updated_at__gte=since)
        return found.select_related("release__licence").annotate(is_answered=Exists(generations))

    release = cast.release("ada")
    user = cast.developer("ada@example.org", release)
    talk = Conversation.objects.create(user=user, release=release, settings={"stop": ["%s", "100 %"]})
    (found,) = talks(user_id=user.pk, since=timezone.now() - timedelta(hours=1))
    with django_assert_num_queries(0):
        assert (found, found.release.licence, found.is_answered) == (talk, release.licence, False)
    assert found.settings == {"stop": ["%s", "100 %"]}
    assert found.updated_at == talk.updated_at
    assert talks(user_id=user.pk, since=timezone.now() + timedelta(hours=1)) == []


def test_constants_of_the_query_stand_in_it():
    @prepared
    def odd(*, pk):
        return User.objects.filter(pk=pk, email="50%s@example.org", full_name="%(x)s").exclude(full_name="%")

    user = User.objects.create(email="50%s@example.org", full_name="%(x)s")
    assert odd(pk=user.pk) == [user]


def test_columns_alone():
    @prepared
    def emails(*, pk):
        return User.objects.filter(pk=pk).values_list("pk", "email")

    @prepared
    def addresses(*, pk):
        return User.objects.filter(pk=pk).values_list("email", flat=True)

    user = User.objects.create(email="ada@example.org")
    assert emails(pk=user.pk) == [(user.pk, "ada@example.org")]
    assert addresses(pk=user.pk) == ["ada@example.org"]


def test_postgresql_keeps_the_plan():
    entries = prepared(numbered)
    for number in range(3):
        entries(number=number)
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%ledger_entry%'")
        # One for numbers of every size.
        assert len(cursor.fetchall()) == 1


def test_without_prepared_statements_it_answers_all_the_same():
    entries = prepared(numbered)
    connection.ensure_connection()
    known, connection.connection.prepare_threshold = connection.connection.prepare_threshold, None
    try:
        assert entries(number=1) == []
    finally:
        connection.connection.prepare_threshold = known
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%ledger_entry%'")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
def test_rows_may_be_locked():
    @prepared
    def locked(*, pk):
        return User.objects.select_for_update(of=("self",)).filter(pk=pk)

    user = User.objects.create(email="ada@example.org")
    with transaction.atomic():
        assert locked(pk=user.pk) == [user]
    with pytest.raises(transaction.TransactionManagementError):
        locked(pk=user.pk)


@pytest.mark.django_db(transaction=True)
def test_threads_ask_by_their_own_connections():
    users = prepared(people)
    everybody = [User.objects.create(email=f"{number}@example.org") for number in range(8)]
    found = []

    def ask(user):
        found.extend(users(pk=user.pk) == [user] for _ in range(20))

    threads = [threading.Thread(target=let_go_after, args=(ask, user)) for user in everybody]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 160
    assert all(found)


@pytest.mark.parametrize("value", [None, True, [1], 1.5])
def test_what_may_change_the_sql_is_refused(value):
    users = prepared(people)
    with pytest.raises(TypeError, match="may change the SQL"):
        users(pk=value)


def test_what_is_not_in_the_sql_is_refused():
    @prepared
    def users(*, pk, email):
        return User.objects.filter(pk=pk)

    with pytest.raises(ValueError, match="not in the SQL: email"):
        users(pk=1, email="a")


def test_a_moment_that_would_stand_still_is_refused():
    @prepared
    def users(*, pk):
        return User.objects.filter(pk=pk, date_joined__lte=timezone.now())

    with pytest.raises(ValueError, match="would stand still"):
        users(pk=1)


def test_every_kind_of_value():
    @prepared
    def answers(*, pk, at):
        return Generation.objects.filter(pk=pk, queued_at=at).values_list("pk", "queued_at")

    release = cast.release("ada")
    user = cast.developer("ada@example.org", release)
    turn = Turn.objects.create(
        conversation=Conversation.objects.create(user=user, release=release), send_key=uuid4()
    )
    generation = Generation.objects.create(turn=turn, params={})
    ((pk, at),) = answers(pk=generation.pk, at=generation.queued_at)
    assert (pk, at) == (generation.pk, generation.queued_at)
    assert isinstance(at, datetime)
    assert answers(pk=uuid4(), at=generation.queued_at) == []


def test_its_sql_can_be_looked_at():
    users = prepared(people)
    with CaptureQueriesContext(connection) as counted:
        users(pk=1)
        users(pk=2)
    assert ["accounts_user" in query["sql"] for query in counted.captured_queries] == [True, True]


def test_a_database_that_fails_is_djangos_error():
    @prepared
    def sleepers(*, pk):
        return User.objects.filter(pk=pk).extra(where=["pg_sleep(1) IS NOT NULL"])

    user = User.objects.create(email="ada@example.org")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 100")
        with pytest.raises(OperationalError, match="statement timeout"), transaction.atomic():
            sleepers(pk=user.pk)
