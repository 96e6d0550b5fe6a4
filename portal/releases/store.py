"""The store of weight files: each kept once, read-only, under the SHA-256 of its bytes."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BufferedWriter, FileIO, RawIOBase
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from django.conf import settings

from portal.releases.models import stored_at

CHUNK_BYTES = 1024 * 1024
# The last sync of a file would take minutes, without a sign of life, if nothing were synced before it.
SYNC_EVERY_BYTES = 256 * 1024 * 1024
# What an import leaves free, since the database and the mail may live on the same disk.
RESERVE_BYTES = 256 * 1024 * 1024
# linux/fs.h: share the extents of another file, on file systems that can.
FICLONE = 0x40049409


class NoRoomError(OSError):
    """Taking in the file would leave less free than the reserve."""


@dataclass(frozen=True)
class Stored:
    """What is known of a file once its bytes are in the store."""

    size_bytes: int
    sha256: str
    git_oid: str


class Room:
    """Space promised to the files that are being copied, so that together they leave the reserve."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._promised_bytes = 0

    @contextlib.contextmanager
    def promised(self, size_bytes: int, *, folder: Path) -> Iterator[Callable[[int], None]]:
        """Room for a file on the disk of `folder`; call what is given with each count of bytes written.

        Raises NoRoomError.
        """
        with self._lock:
            free = shutil.disk_usage(folder).free - self._promised_bytes
            if free < size_bytes + RESERVE_BYTES:
                raise NoRoomError
            self._promised_bytes += size_bytes
        left = size_bytes

        def used(count_bytes: int) -> None:
            nonlocal left
            with self._lock:
                self._promised_bytes -= min(left, count_bytes)
                left -= min(left, count_bytes)

        try:
            yield used
        finally:
            used(left)


_room = Room()


def take_in(
    source: RawIOBase,
    *,
    size_bytes: int,
    on_bytes: Callable[[int], None],
    check: Callable[[Stored, BinaryIO], None],
    replacing: Collection[str] = (),
) -> Stored:
    """Copy the open file `source` into the store; what is hashed is the copy that is kept.

    One read, a chunk at a time; `on_bytes` is called with the size of each. `check` is shown
    the copy and may refuse it by raising; then nothing is kept. Bytes that are there already
    stay, except those whose SHA-256 is in `replacing`: the copy takes their place. Takes no
    space where the file system can share extents. A crash leaves at most a file in
    `incoming/`, which `sweep_incoming` removes. May run in several threads.

    Raises NoRoomError, OSError as the file system gives it, and what reading and `check` raise.
    """
    incoming = root() / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    temporary = incoming / uuid4().hex
    try:
        stored = _copy(source, temporary, size_bytes=size_bytes, on_bytes=on_bytes)
        with temporary.open("rb") as copy:
            check(stored, copy)
        _keep(temporary, stored.sha256, is_replacing=stored.sha256 in replacing)
    finally:
        temporary.unlink(missing_ok=True)
    return stored


def holds(sha256: str, *, size_bytes: int) -> bool:
    """Whether the store has a file of this hash and size."""
    try:
        return stored_at(sha256).stat().st_size == size_bytes
    except OSError:
        return False


def was_touched(sha256: str, *, since: datetime) -> bool:
    """Whether somebody wrote to the stored file after `since`; False where the store has none."""
    try:
        return stored_at(sha256).stat().st_mtime > since.timestamp()
    except OSError:
        return False


def sweep_incoming(*, older_than_seconds: float, now: float) -> int:
    """Remove what crashed imports left; `now` is seconds since the epoch. Return how many files."""
    removed = 0
    for path in (root() / "incoming").glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if now - path.stat().st_mtime > older_than_seconds:
                path.unlink()
                removed += 1
    return removed


def root() -> Path:
    """The directory of the store."""
    return Path(settings.WEIGHTS_ROOT)


def _copy(source: RawIOBase, target: Path, *, size_bytes: int, on_bytes: Callable[[int], None]) -> Stored:
    with target.open("xb") as kept, target.open("rb", buffering=0) as clone:
        if isinstance(source, FileIO) and _clone(source.fileno(), kept.fileno()):
            stored = _hashed(_chunks(clone), size_bytes, on_bytes)
        else:
            with _room.promised(size_bytes, folder=target.parent) as used:
                stored = _hashed(_written(_chunks(source), kept, used), size_bytes, on_bytes)
        kept.flush()
        os.fchmod(kept.fileno(), 0o444)
        os.fsync(kept.fileno())
    return stored


def _chunks(file: RawIOBase) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _written(chunks: Iterable[bytes], kept: BufferedWriter, used: Callable[[int], None]) -> Iterator[bytes]:
    """The same chunks, each after it was written."""
    unsynced = 0
    for chunk in chunks:
        kept.write(chunk)
        used(len(chunk))
        unsynced += len(chunk)
        if unsynced >= SYNC_EVERY_BYTES:
            kept.flush()
            os.fdatasync(kept.fileno())
            unsynced = 0
        yield chunk


def _hashed(chunks: Iterable[bytes], size_bytes: int, on_bytes: Callable[[int], None]) -> Stored:
    sha256, git = hashlib.sha256(), hashlib.sha1(f"blob {size_bytes}\0".encode(), usedforsecurity=False)
    count = 0
    for chunk in chunks:
        sha256.update(chunk)
        git.update(chunk)
        count += len(chunk)
        on_bytes(len(chunk))
    return Stored(count, sha256.hexdigest(), git.hexdigest())


def _clone(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError:
        return False
    return True


def _keep(temporary: Path, sha256: str, *, is_replacing: bool) -> None:
    """Move the copy to its place, atomically and durably; a whole file that is there already stays.

    One that was found damaged is kept beside, for whoever looks into it.
    """
    final = stored_at(sha256)
    final.parent.mkdir(parents=True, exist_ok=True)
    if is_replacing:
        _set_aside(final)
    if not holds(sha256, size_bytes=temporary.stat().st_size):
        temporary.replace(final)
    for folder in (final.parent, final.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _set_aside(damaged: Path) -> None:
    aside = root() / "damaged"
    aside.mkdir(exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        damaged.rename(aside / f"{damaged.name}.{uuid4().hex[:8]}")
