"""Which bytes of a file a request asks for (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

# As nginx is told too: beyond it the whole file is sent. A list so long serves no client.
RANGES_MAX = 64
HEADER_CHARACTERS_MAX = 4096
# Python refuses to read numbers of more digits than these, and no file is that long.
_ONE = re.compile(
    r"[ \t]*(?:(?P<first>[0-9]{1,4000})-(?P<last>[0-9]{0,4000})|-(?P<suffix>[0-9]{1,4000}))[ \t]*"
)
_UNIT = re.compile(r"bytes[ \t]*=")


class UnsatisfiableRange(Exception):  # noqa: N818 - an answer, 416, not a failure
    """The ranges are well formed and none holds a byte of the file."""


@dataclass(frozen=True)
class Span:
    """The bytes from `first` to `last`, both included as in Content-Range; empty when last < first."""

    first: int
    last: int

    @property
    def count_bytes(self) -> int:
        """How many bytes these are."""
        return self.last - self.first + 1


def whole(size_bytes: int) -> Span:
    """Every byte of a file of this size."""
    return Span(0, size_bytes - 1)


def requested(header: str, *, size_bytes: int) -> list[Span]:
    """The ranges that a Range header asks of a file of this size; none to answer with the whole file.

    Ignored, as section 14.2 allows, are a header that is malformed, of another unit, with
    more than RANGES_MAX ranges, or with ranges that overlap so that they are more than
    the file itself: the whole costs a server less. Ranges beyond the end are left out.

    Raises UnsatisfiableRange.

    >>> requested("bytes=2-5", size_bytes=10), requested("bytes=2-", size_bytes=10)
    ([Span(first=2, last=5)], [Span(first=2, last=9)])
    >>> requested("bytes=-3", size_bytes=10), requested("bytes=0-1, 4-5,20-", size_bytes=10)
    ([Span(first=7, last=9)], [Span(first=0, last=1), Span(first=4, last=5)])
    >>> requested("bytes=5-2", size_bytes=10), requested("bytes=0-,0-", size_bytes=10)
    ([], [])
    """
    unit = _UNIT.match(header.strip().lower())
    if unit is None or len(header) > HEADER_CHARACTERS_MAX:
        return []
    asked = [_ONE.fullmatch(part) for part in header.strip()[unit.end() :].split(",")]
    if len(asked) > RANGES_MAX:
        return []
    spans = []
    for one in asked:
        if one is None or (one["last"] and int(one["last"]) < int(one["first"])):
            return []
        span = _span(one, size_bytes)
        if span is not None:
            spans.append(span)
    if not spans:
        raise UnsatisfiableRange
    return spans if sum(span.count_bytes for span in spans) <= size_bytes else []


def may_resume(if_range: str, *, etag: str) -> bool:
    """Whether an If-Range header ("" for none) lets the range count: only for the very same strong tag.

    A date never does: it is the weaker sign, and a client that has it has the tag too
    (section 13.1.5).
    """
    return not if_range or if_range.strip() == etag


def _span(one: re.Match[str], size_bytes: int) -> Span | None:
    if one["suffix"] is not None:
        count = min(int(one["suffix"]), size_bytes)
        return Span(size_bytes - count, size_bytes - 1) if count else None
    first = int(one["first"])
    if first >= size_bytes:
        return None
    return Span(first, min(int(one["last"]) if one["last"] else size_bytes - 1, size_bytes - 1))
