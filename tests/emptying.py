"""How the tests' database is emptied behind a test that committed: as thoroughly as by Django's flush.

The flush truncates every table and then makes every permission and role anew, for each of some 700 tests.
Here the few rows that a test has made are deleted, and what a portal has that was only migrated is kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test import TransactionTestCase
from psycopg import sql

EMPTYING = sql.SQL(
    # Triggers that forbid it are off, and so are foreign keys, which would ask for an order.
    "CREATE PROCEDURE kept.empty() LANGUAGE plpgsql SET session_replication_role = replica AS {}"
)
# What a process of the test has begun to write is waited for, or it would stay.
LOCKING = sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE")
DELETING = sql.SQL("DELETE FROM {}")
KEEPING = sql.SQL("CREATE TABLE kept.{name} AS TABLE {name}")
PUTTING_BACK = sql.SQL(
    "DELETE FROM {name} WHERE {name} NOT IN (SELECT one FROM kept.{name} one);"
    "INSERT INTO {name} (TABLE kept.{name} EXCEPT TABLE {name})"
)


def prepare() -> None:
    """Keep what a database has that was just migrated; make the procedure that leaves no more than that."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = {name: sql.Identifier(name) for name in sorted(names)}
    statements = [LOCKING.format(sql.SQL(", ").join(tables.values()))]
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA kept")
        for table in tables.values():
            cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(table))
            if cursor.fetchone() == (True,):
                cursor.execute(KEEPING.format(name=table))
                statements.append(PUTTING_BACK.format(name=table))
            else:
                statements.append(DELETING.format(table))
        body = sql.SQL("BEGIN {}; END").format(sql.SQL("; ").join(statements)).as_string(cursor.connection)
        cursor.execute(EMPTYING.format(body))


def empty() -> None:
    """Leave each table as it was when the database was migrated; sequences go on, as after a flush."""
    with connection.cursor() as cursor:
        cursor.execute("CALL kept.empty()")


@contextmanager
def at_once() -> Iterator[None]:
    """While it lasts, Django's transactional tests end with `empty`."""
    flush = TransactionTestCase._fixture_teardown
    TransactionTestCase._fixture_teardown = lambda _: empty()
    try:
        yield
    finally:
        TransactionTestCase._fixture_teardown = flush
