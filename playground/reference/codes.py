"""Every code that the API's errors can carry: when it comes, and what to do about it.

The table is `error_codes.toml`. The page of errors and the OpenAPI description are made from it,
the address in an error object leads to it, and a test compares it with what the code raises.
"""

import tomllib
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.conf import settings

TABLE = Path(__file__).with_name("error_codes.toml")
PAGE = "/api/errors/"


@dataclass(frozen=True)
class ErrorCode:
    """One code: what it means, what helps, and the status it comes with.

    `status` is None for a code that stands in a batch or its files only.
    """

    code: str
    meaning: str
    advice: str
    status: HTTPStatus | None = None
    is_final: bool = False

    @property
    def is_worth_retrying(self) -> bool:
        """Whether the same request may pass a little later, so that a client should send it again."""
        if self.status is None or self.is_final:
            return False
        return self.status == HTTPStatus.TOO_MANY_REQUESTS or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


@dataclass(frozen=True)
class Group:
    """Codes that have one subject."""

    name: str
    title: str
    codes: tuple[ErrorCode, ...]


def _row(given: dict[str, Any]) -> ErrorCode:
    status = given.get("status")
    return ErrorCode(**(given | {"status": HTTPStatus(status) if status else None}))


def _read() -> tuple[Group, ...]:
    groups = tomllib.loads(TABLE.read_text(encoding="utf-8"))["groups"]
    return tuple(
        Group(
            name=group["name"],
            title=group["title"],
            codes=tuple(_row(row) for row in group["codes"]),
        )
        for group in groups
    )


GROUPS = _read()
CODES = {row.code: row for group in GROUPS for row in group.codes}


def address_of(code: str) -> str:
    """The absolute address at which `code` is explained, "" for a code that the table lacks."""
    return f"{settings.PORTAL_URL}{PAGE}#{code}" if code in CODES else ""
