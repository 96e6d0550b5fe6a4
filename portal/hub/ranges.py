"""Which bytes of a file a request asks for (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

# Python refuses to read numbers of more digits, and no file is that long.
_ONE = re.compile(
    r"bytes\s*=\s*(?:(?P<first>[0-9]{1,4000})-(?P<last>[0-9]{0,4000})|-(?P<suffix>[0-9]{1,4000}))"
)


class UnsatisfiableRange(Exception):  # noqa: N818 - an answer, 416, not a failure
    """The range is well formed and holds no byte of the file."""


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


def requested(header: str, *, size_bytes: int) -> Span | None:
    """The one range that a Range header asks of a file of this size; None to answer with the whole file.

    A header that is malformed, of another unit, or with several ranges is ignored, as
    section 14.2 allows: several ranges cost a server more than the whole.

    Raises UnsatisfiableRange.

    >>> requested("bytes=2-5", size_bytes=10), requested("bytes=2-", size_bytes=10)
    (Span(first=2, last=5), Span(first=2, last=9))
    >>> requested("bytes=-3", size_bytes=10), requested("bytes=0-1,4-5", size_bytes=10)
    (Span(first=7, last=9), None)
    """
    asked = _ONE.fullmatch(header.strip().lower())
    if asked is None:
        return None
    if asked["suffix"] is not None:
        count = min(int(asked["suffix"]), size_bytes)
        if count == 0:
            raise UnsatisfiableRange
        return Span(size_bytes - count, size_bytes - 1)
    first = int(asked["first"])
    last = int(asked["last"]) if asked["last"] else size_bytes - 1
    if asked["last"] and last < first:
        return None
    if first >= size_bytes:
        raise UnsatisfiableRange
    return Span(first, min(last, size_bytes - 1))


def may_resume(if_range: str, *, etag: str) -> bool:
    """Whether an If-Range header ("" for none) lets the range count: only for the very same strong tag.

    A date never does: it is the weaker sign, and a client that has it has the tag too
    (section 13.1.5).
    """
    return not if_range or if_range.strip() == etag
