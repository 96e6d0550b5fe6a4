"""Pages of long lists that stay fast: each begins behind the last row of the one before (keyset pagination).

https://use-the-index-luke.com/no-offset tells why an OFFSET does not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from django.db.models import Model, Q, QuerySet

from portal.common.moments import moment_or_none

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Page(Generic[M]):
    """The rows of one page; `before` and `after` name the pages beside it, "" where there is none."""

    object_list: Sequence[M]
    before: str = ""
    after: str = ""

    def __iter__(self) -> Iterator[M]:
        return iter(self.object_list)


def page_of(
    rows: QuerySet[M], *, by: str, before: str, after: str, size: int, is_newest_first: bool = False
) -> Page[M]:
    """The page of `rows`, in the order of the moment `by` and the id, behind `after` or in front of `before`.

    Both are as a `Page` names them; what is no such name counts as none. One query.
    """
    onward, back = ("lt", "gt") if is_newest_first else ("gt", "lt")
    if end := _position(before):
        found = list(_beyond(rows, by, end, back)[: size + 1])
        shown = found[:size][::-1]
        has_earlier, has_later = len(found) > size, True
    else:
        start = _position(after)
        found = list(_beyond(rows, by, start, onward)[: size + 1])
        shown = found[:size]
        has_earlier, has_later = start is not None, len(found) > size
    if not shown:
        return Page(())
    return Page(
        shown,
        before=_name(shown[0], by) if has_earlier else "",
        after=_name(shown[-1], by) if has_later else "",
    )


def _beyond(rows: QuerySet[M], by: str, position: tuple[datetime, int] | None, side: str) -> QuerySet[M]:
    """The rows on one side of a position, or all of them, the nearest first.

    The first condition is what an index is entered by.
    """
    rows = rows.order_by(by, "pk") if side == "gt" else rows.order_by(f"-{by}", "-pk")
    if position is None:
        return rows
    moment, pk = position
    return rows.filter(**{f"{by}__{side}e": moment}).filter(
        Q(**{f"{by}__{side}": moment}) | Q(**{f"pk__{side}": pk})
    )


def _name(row: M, by: str) -> str:
    return f"{getattr(row, by).isoformat()}~{row.pk}"


def _position(name: str) -> tuple[datetime, int] | None:
    moment, _, pk = name.partition("~")
    at = moment_or_none(moment)
    if at is None or not (pk.isascii() and pk.isdigit()) or len(pk) > len(str(2**63)):
        return None
    return at, int(pk)
