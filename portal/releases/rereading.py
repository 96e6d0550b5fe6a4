"""Reading stored bytes again, gently: whether they are still those that were registered."""

import errno
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from portal.common.refusals import Refusal
from portal.releases import store
from portal.releases.models import Blob, stored_at

# A multiple of a page's size, so that every page can be let go of as soon as it was read.
CHUNK_BYTES = 2 * 1024 * 1024

log = structlog.get_logger(__name__)


class StoreAway(Refusal):
    """The whole store is missing, as when its disk is not mounted: that says nothing about any one file."""


class Pace:
    """Holds a reader to so many bytes a second."""

    def __init__(self, bytes_per_second: int) -> None:
        self.bytes_per_second = bytes_per_second
        self._free_at = time.monotonic()

    def take(self, count_bytes: int) -> None:
        """Wait until that many bytes more may have been read."""
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + count_bytes / self.bytes_per_second
        time.sleep(max(0.0, self._free_at - now))


def damage_of(blob: Blob, *, pace: Pace, on_bytes: Callable[[], None] = lambda: None) -> str:
    """What is wrong with the stored bytes of `blob`, in a few words; "" when they are whole.

    Reads the disk itself, once, or twice when it reports an error; nothing of the file is
    left in the page cache, where it would take the place of what people download. `on_bytes` is
    called after every CHUNK_BYTES.

    Raises StoreAway.
    """
    try:
        return _damage_of(blob, pace, on_bytes)
    except OSError as error:
        log.warning("stored_file_unreadable", sha256=blob.sha256, error=str(error))
    try:
        return _damage_of(blob, pace, on_bytes)
    except OSError as error:
        return f"cannot be read: {error.strerror or errno.errorcode.get(error.errno or 0, 'unknown error')}"


def _damage_of(blob: Blob, pace: Pace, on_bytes: Callable[[], None]) -> str:
    path = stored_at(blob.sha256)
    try:
        size_bytes = path.stat().st_size
    except FileNotFoundError:
        if not (store.root() / "sha256").is_dir():
            raise StoreAway("store_away", f"The store {store.root()} is not there.") from None
        return "is missing"
    if size_bytes != blob.size_bytes:
        return f"has {size_bytes:,} bytes in place of {blob.size_bytes:,}"
    found = _sha256(path, pace, on_bytes)
    return "" if found == blob.sha256 else f"has another SHA-256: {found}"


def _sha256(path: Path, pace: Pace, on_bytes: Callable[[], None]) -> str:
    digest, position = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        # What memory holds of it may be whole while the disk is not.
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            os.posix_fadvise(file.fileno(), position, len(chunk), os.POSIX_FADV_DONTNEED)
            position += len(chunk)
            pace.take(len(chunk))
            on_bytes()
    return digest.hexdigest()
