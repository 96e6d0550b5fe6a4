"""A part of a list behind a cursor, as OpenAI's lists are read."""

from typing import TypeVar

from django.db.models import Q, QuerySet

from playground.batches.asking import PageWish
from playground.batches.models import ApiFile, Batch
from playground.gateway.errors import bad_request
from portal.common.storable import is_storable

T = TypeVar("T", ApiFile, Batch)


def page_of(rows: QuerySet[T], page: PageWish, *, is_ascending: bool = False) -> list[T]:
    """The part of `rows` that `page` asks for, and one row more if there is one. Two queries.

    Raises ApiError 400 for a cursor that names none of `rows`.
    """
    if page.after:
        last = rows.filter(pk=page.after).first() if is_storable(page.after) else None
        if last is None:
            raise bad_request("invalid_value", "“after” names nothing in this list.", param="after")
        side = "gt" if is_ascending else "lt"
        is_behind = Q(**{f"created_at__{side}": last.created_at}) | Q(
            **{"created_at": last.created_at, f"pk__{side}": last.pk}
        )
        rows = rows.filter(is_behind)
    order = ("created_at", "pk") if is_ascending else ("-created_at", "-pk")
    return list(rows.order_by(*order)[: page.limit + 1])
