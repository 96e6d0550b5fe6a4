"""What nginx's log says of the downloads that it carried: how much of each really left.

deploy/nginx.conf writes one line of JSON a finished request:
`{"download":"17","sent":1048576,"status":206,"msec":"1700000000.123"}`. The reader keeps its place
in the database and finds it again after the log was rotated, by renaming or by copying.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

import structlog
from django.db import transaction

from portal.hub.actions import end_download
from portal.hub.models import Carrier, Download, LogPlace

CHUNK_BYTES = 1024 * 1024
# Enough to tell two logs apart: every line names another download.
TAIL_BYTES = 200
# After a rotation nginx goes on writing to the old file until it is told to open the new one.
QUIET_SECONDS = 15.0
DOWNLOAD_DIGITS_MAX = 18
PACKED = (".gz", ".bz2", ".xz", ".zst")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """One finished request: which download, the bytes of its answer's body, and the status."""

    download_id: int
    body_bytes: int
    status: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was looked at: the log, or one that was the log before; and where to read on."""

    path: Path
    inode: int
    size_bytes: int
    silent_seconds: float
    offset: int = 0
    is_current: bool = False

    @property
    def is_left(self) -> bool:
        """Whether nobody writes to it any more."""
        return not self.is_current and self.silent_seconds >= QUIET_SECONDS


def read_new(path: Path) -> int:
    """Record what the log at `path` has got since the last call; return how many downloads ended.

    Lines that say nothing are passed over, and a last line without its end waits for the
    next call. Does nothing while another process reads. Raises OSError when the log is
    there and cannot be read.
    """
    count = 0
    while True:
        with transaction.atomic():
            place = _place(path)
            if place is None:
                return count
            lines, has_moved = _next_lines(place, path)
            count += _record(lines)
            place.save()
        if not has_moved:
            return count


def parse(line: bytes) -> Line | None:
    r"""What a line says, or None when it is not one of ours.

    >>> parse(b'{"download":"17","sent":512,"status":206,"msec":"1.2"}')
    Line(download_id=17, body_bytes=512, status=206)
    >>> parse(b'{"download":"","sent":0,"status":404}'), parse(b"\x00garbage")
    (None, None)
    """
    try:
        facts = json.loads(line)
        name, sent, status = facts["download"], facts["sent"], facts["status"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    is_id = isinstance(name, str) and name.isascii() and name.isdecimal() and len(name) <= DOWNLOAD_DIGITS_MAX
    if not is_id or type(sent) is not int or type(status) is not int or sent < 0:
        return None
    return Line(int(name), sent, status)


def file_bytes(line: Line, *, spans: Sequence[Sequence[int]], size_bytes: int) -> int:
    """How many bytes of the file, along its spans, an answer of so many bytes carried.

    Less than the body where several ranges were sent, each under a head of its own
    (RFC 9110, section 14.6), and never more than was asked: with HTTP/2 nginx counts frames.
    """
    if line.status == HTTPStatus.PARTIAL_CONTENT and len(spans) > 1:
        left, total = line.body_bytes, 0
        for first, last in spans:
            left -= len(_head(first, last, size_bytes))
            carried = max(0, min(left, last - first + 1))
            total, left = total + carried, left - carried
        return total
    if line.status == HTTPStatus.PARTIAL_CONTENT:
        first, last = spans[0]
        return min(line.body_bytes, last - first + 1)
    if line.status == HTTPStatus.OK:
        # The whole file was sent; what counts are the bytes that were granted.
        first, last = spans[0]
        return max(0, min(line.body_bytes - first, last - first + 1))
    return 0


def _head(first: int, last: int, size_bytes: int) -> str:
    """As nginx writes it: its boundary is a number of twenty digits."""
    return (
        f"\r\n--{0:020}\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Range: bytes {first}-{last}/{size_bytes}\r\n\r\n"
    )


def _place(path: Path) -> LogPlace | None:
    """The place, locked until the transaction ends; None while another process has it."""
    LogPlace.objects.get_or_create(path=str(path))
    return LogPlace.objects.select_for_update(skip_locked=True).filter(path=str(path)).first()


def _next_lines(place: LogPlace, path: Path) -> tuple[list[Line], bool]:
    """The whole lines of the next chunk, with the place moved behind them; and whether it moved."""
    source = _source(place, path)
    if source is None:
        return [], False
    try:
        file = source.path.open("rb")
    except FileNotFoundError:
        return [], False
    with file:
        if os.fstat(file.fileno()).st_ino != source.inode:
            # Rotated in this moment; the next call finds it under its new name.
            return [], False
        file.seek(source.offset)
        chunk = file.read(CHUNK_BYTES)
        end = chunk.rfind(b"\n") + 1
        if not end and (len(chunk) == CHUNK_BYTES or source.is_left):
            # No line is so long, and nobody ends the last line of a log that is left for good.
            end = len(chunk)
        has_moved = bool(end) or source.inode != place.inode
        place.inode, place.offset = source.inode, source.offset + end
        file.seek(max(0, place.offset - TAIL_BYTES))
        place.tail = file.read(min(TAIL_BYTES, place.offset))
    return [line for line in map(parse, chunk[:end].splitlines()) if line], has_moved


def _source(place: LogPlace, path: Path) -> Source | None:
    """What to read now; None when there is nothing.

    That is the file of the last time, under whatever name, until it is read to its end and
    nobody writes to it any more; then those that were rotated away after it, and the log.
    """
    seen = [*map(_look, _rotated(path)), _look(path, is_current=True)]
    found = [source for source in seen if source]
    # The newest that fits: while a copy is taken it has the same bytes as the log itself.
    fitting = [index for index, source in enumerate(found) if _fits(place, source)]
    if fitting:
        found = found[fitting[-1] :]
        found[0] = replace(found[0], offset=place.offset)
    else:
        if place.inode:
            log.warning("nginx_log_place_lost", path=str(path), offset=place.offset)
        found = [source for source in found if source.is_current]
    unread = (one for one in found if not one.is_left or one.offset < one.size_bytes)
    return next(unread, None)


def _look(path: Path, *, is_current: bool = False) -> Source | None:
    try:
        here = path.stat()
    except FileNotFoundError:
        return None
    silent_seconds = time.time() - here.st_mtime
    return Source(path, here.st_ino, here.st_size, silent_seconds, is_current=is_current)


def _rotated(path: Path) -> list[Path]:
    """The uncompressed files beside the log that were it before, the oldest first."""
    beside = [one for one in path.parent.glob(f"{path.name}?*") if one.suffix not in PACKED]
    ages = {one: found.silent_seconds for one in beside if (found := _look(one))}
    return sorted(ages, key=lambda one: -ages[one])


def _fits(place: LogPlace, source: Source) -> bool:
    """Whether this is the file that was read up to the place."""
    if not place.inode or source.size_bytes < place.offset:
        return False
    if not place.offset:
        return source.inode == place.inode
    tail = bytes(place.tail)
    try:
        with source.path.open("rb") as file:
            file.seek(place.offset - len(tail))
            return file.read(len(tail)) == tail
    except FileNotFoundError:
        return False


def _record(lines: list[Line]) -> int:
    by_id = {line.download_id: line for line in lines}
    carried = Download.objects.filter(pk__in=by_id, carrier=Carrier.NGINX)
    count = 0
    for download in carried.select_related("file").only("spans", "file__size_bytes"):
        sent = file_bytes(by_id[download.pk], spans=download.spans, size_bytes=download.file.size_bytes)
        count += end_download(download.pk, sent_bytes=sent)
    return count
