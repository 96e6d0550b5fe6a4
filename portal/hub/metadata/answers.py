"""The form of the answers: JSON with any number of warnings, times, and pages that link to the next."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils.encoding import escape_uri_path

from portal.common.refusals import Refusal

# Beyond any list that there is; a longer one is no offset but an attempt.
CURSOR_DIGITS_MAX = 9


class Answer(JsonResponse):
    """JSON, and beside it each of `warnings` in an X-HF-Warning of its own.

    Django keeps one value a name, and clients take one warning a header: a comma does not part them.
    """

    def __init__(self, data: Any, *, warnings: Sequence[str] = ()) -> None:
        # What it says depends on who asks.
        super().__init__(data, safe=False, headers={"Cache-Control": "private, no-cache"})
        self.warnings = tuple(warnings)

    def items(self) -> Iterable[tuple[str, str]]:
        """Every header, as servers send them."""
        yield from super().items()
        for warning in self.warnings:
            yield "X-HF-Warning", warning


def page(
    request: HttpRequest, rows: Sequence[Any], *, size: int, start: int, warnings: Sequence[str] = ()
) -> Answer:
    """`rows`, the first `size` of them, with a link (RFC 8288) to the next page if there are more.

    `rows` begin at `start`, which `cursor` gave.
    """
    answer = Answer(list(rows[:size]), warnings=warnings)
    if len(rows) > size:
        query = request.GET.copy()
        query["cursor"] = str(start + size)
        url = f"{settings.PORTAL_URL}{escape_uri_path(request.path)}?{query.urlencode()}"
        answer["Link"] = f'<{url}>; rel="next"'
    return answer


def cursor(request: HttpRequest) -> int:
    """How many rows the pages before this one had. Raises Refusal for a cursor that no link had."""
    return number(request, "cursor", default=0)


def number(request: HttpRequest, name: str, *, default: int) -> int:
    """The whole number that the query gives under `name`. Raises Refusal for anything else."""
    given = request.GET.get(name, "")
    if not given:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= CURSOR_DIGITS_MAX):
        raise Refusal("bad_request", f"Give {name} as a whole number.", status=400)
    return int(given)


def is_true(given: str | None) -> bool:
    """Whether a parameter says yes: the clients before 1.0 write it as Python does.

    >>> is_true("true"), is_true("True"), is_true("1"), is_true("false"), is_true(None)
    (True, True, True, False, False)
    """
    return (given or "").lower() in ("true", "1")


def moment(at: datetime) -> str:
    """A time as the Hub writes it, with milliseconds.

    >>> moment(datetime(2026, 1, 2, 3, 4, 5, 6789, tzinfo=UTC))
    '2026-01-02T03:04:05.006Z'
    """
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
