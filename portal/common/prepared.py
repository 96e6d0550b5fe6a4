"""Questions whose SQL Django writes once a process, and PostgreSQL plans once a connection.

For the hot paths: Django takes several times longer to write a query than PostgreSQL to answer it, and a
join of six tables takes longer to plan than to run.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

import psycopg
from django.db import connections
from django.db.models import QuerySet
from django.db.transaction import TransactionManagementError

Row = TypeVar("Row")

# Values that no query has as a constant of its own: each stands for one that comes with the call.
_FIRST_NUMBER = 1_987_654_321
_FIRST_YEAR = 1
_PLACE = re.compile(r"(?<!%)%s")


class prepared(Generic[Row]):  # noqa: N801 - a decorator
    """Makes `write`, which builds a queryset from keywords, a function that fetches its rows.

    It is called once, with a stand-in for each keyword; after that only the values change. So they may be
    numbers, words, UUIDs and moments, but nothing that changes the SQL: no None, no bool and no list.

    Calls raise TypeError for such a value, ValueError where one is not found in the SQL, or a moment of the
    first call is (it would stand still), and TransactionManagementError to lock outside a transaction.
    """

    def __init__(self, write: Callable[..., QuerySet[Any, Row]]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._question: _Question[Row] | None = None

    def __call__(self, **values: Any) -> list[Row]:
        """All rows for `values`. One query."""
        if self._question is None:
            with self._lock:
                self._question = self._question or _Question(self._write, values)
        return self._question.ask(values)

    def first(self, **values: Any) -> Row | None:
        """The first row for `values`, None where there is none. One query, which fetches all of them."""
        return next(iter(self(**values)), None)


class _Question(Generic[Row]):
    """One question: its SQL with a place for each value, and how Django makes objects of its rows."""

    def __init__(self, write: Callable[..., QuerySet[Any, Row]], values: Mapping[str, Any]) -> None:
        places = {name: _place(value, number) for number, (name, value) in enumerate(values.items())}
        self._queryset = write(**places)
        self._compiler = self._queryset.query.get_compiler(using=self._queryset.db)
        self._sql, params = self._compiler.as_sql()
        named = [(_name_of(param, places), param) for param in params]
        if missing := places.keys() - {name for name, _ in named}:
            raise ValueError(f"{write.__qualname__}: not in the SQL: {', '.join(sorted(missing))}")
        if any(not name and isinstance(param, date) for name, param in named):
            raise ValueError(f"{write.__qualname__}: a moment of the first call would stand still")
        self._places = [(name, param) for name, param in named if name]
        self._params = named
        self._converters: Mapping[int, Any] | None = None

    def ask(self, values: Mapping[str, Any]) -> list[Row]:
        """The rows for `values`."""
        connection = connections[self._queryset.db]
        if self._queryset.query.select_for_update and connection.get_autocommit():
            raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")
        # A number keeps the width of its column, else each width would be a statement of its own.
        params = tuple(
            type(place)(values[name]) if isinstance(place, int) else values[name]
            for name, place in self._places
        )
        compiler: Any = copy(self._compiler)
        compiler.connection = _Preparing(connection)
        compiler.as_sql = lambda: (self._template, params)
        compiler.get_converters = self._get_converters
        iterable: Any = self._queryset._iterable_class  # noqa: SLF001
        return list(iterable(_Answering(self._queryset, compiler)))

    def _get_converters(self, expressions: Sequence[Any]) -> Any:
        """As the compiler's own, found once: they hang on the columns, which stay the same."""
        if self._converters is None:
            self._converters = self._compiler.get_converters(expressions)
        return self._converters

    @cached_property
    def _template(self) -> str:
        """The SQL with its constants in it: PostgreSQL takes a partial index only for what it knows."""
        connection = connections[self._queryset.db]
        connection.ensure_connection()
        pen = psycopg.ClientCursor(connection.connection)
        params = iter(self._params)

        def written(_: re.Match[str]) -> str:
            name, param = next(params)
            return "%s" if name else pen.mogrify("%s", [param]).replace("%", "%%")

        return _PLACE.sub(written, self._sql)


class _Answering:
    """Stands in for a queryset and for its query, before Django's code that makes objects of rows."""

    def __init__(self, queryset: QuerySet[Any, Any], compiler: Any) -> None:
        self.model, self.db, self.query = queryset.model, queryset.db, self
        self._known_related_objects: dict[Any, Any] = {}
        self._compiler = compiler

    def get_compiler(self, using: str) -> Any:  # noqa: ARG002 - as Django calls it
        """The one that knows its SQL already."""
        return self._compiler


class _PreparingCursor(psycopg.Cursor[Any]):
    """Has PostgreSQL keep the plan, where the settings allow it."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        return super().execute(query, params, prepare=True, **options)

    def _send_query_prepared(self, name: bytes, pgq: Any, **options: Any) -> None:
        # Where Django looks for the SQL that it logs with DEBUG; psycopg leaves it empty.
        self._query = pgq
        super()._send_query_prepared(name, pgq, **options)


class _Preparing:
    """Django's connection, with cursors that prepare."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def cursor(self) -> Any:
        """As Django's own, counted and logged like it."""
        connection = self._connection
        connection.close_if_health_check_failed()
        connection.ensure_connection()
        with connection.wrap_database_errors:
            return connection._prepare_cursor(_PreparingCursor(connection.connection))  # noqa: SLF001


def _place(value: Any, number: int) -> Any:
    """What stands for a value of this kind while the SQL is written."""
    if type(value) is int:
        return _FIRST_NUMBER + number
    if isinstance(value, datetime):
        return datetime(_FIRST_YEAR + number, 2, 3, tzinfo=UTC)
    if isinstance(value, UUID):
        return UUID(int=_FIRST_NUMBER + number)
    if isinstance(value, str):
        return f"\ue000{number}"
    raise TypeError(f"{value!r} may change the SQL")


def _name_of(param: Any, places: Mapping[str, Any]) -> str:
    """Which value a parameter stands for; "" for a constant of the query."""
    same = (name for name, place in places.items() if isinstance(param, type(place)) and param == place)
    return next(same, "")
