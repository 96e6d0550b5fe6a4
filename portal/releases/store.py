"""The store of weight files: each kept once, read-only, under the SHA-256 of its bytes."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from django.conf import settings

from portal.releases.models import Blob, stored_at

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


def take_in(source: int, *, size_bytes: int, on_bytes: Callable[[int], None]) -> Stored:
    """Copy the open file `source` into the store; what is hashed is the copy that is kept.

    One read, a chunk at a time; `on_bytes` is called with the size of each. Takes no
    space where the file system can share extents. A crash leaves at most a file in
    `incoming/`, which `sweep_incoming` removes.

    Raises NoRoomError, and OSError as the file system gives it.
    """
    incoming = root() / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    temporary = incoming / uuid4().hex
    try:
        stored = _copy(source, temporary, size_bytes=size_bytes, on_bytes=on_bytes)
        _keep(temporary, stored.sha256)
    finally:
        temporary.unlink(missing_ok=True)
    return stored


def holds(sha256: str, *, size_bytes: int) -> bool:
    """Whether the store has a file of this hash and size."""
    try:
        return stored_at(sha256).stat().st_size == size_bytes
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


def _copy(source: int, target: Path, *, size_bytes: int, on_bytes: Callable[[int], None]) -> Stored:
    sha256, git = hashlib.sha256(), hashlib.sha1(f"blob {size_bytes}\0".encode(), usedforsecurity=False)
    copied = 0
    with target.open("xb") as kept:
        is_cloned = _clone(source, kept.fileno())
        if not is_cloned and shutil.disk_usage(target.parent).free < size_bytes + RESERVE_BYTES:
            raise NoRoomError
        reading = os.open(target, os.O_RDONLY | os.O_CLOEXEC) if is_cloned else os.dup(source)
        with open(reading, "rb", buffering=0) as readable:  # noqa: PTH123 - a descriptor, not a path
            while chunk := readable.read(CHUNK_BYTES):
                sha256.update(chunk)
                git.update(chunk)
                if not is_cloned:
                    kept.write(chunk)
                if copied // SYNC_EVERY_BYTES != (copied + len(chunk)) // SYNC_EVERY_BYTES:
                    kept.flush()
                    os.fdatasync(kept.fileno())
                copied += len(chunk)
                on_bytes(len(chunk))
        kept.flush()
        os.fchmod(kept.fileno(), 0o444)
        os.fsync(kept.fileno())
    return Stored(copied, sha256.hexdigest(), git.hexdigest())


def _clone(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError:
        return False
    return True


def _keep(temporary: Path, sha256: str) -> None:
    """Move the copy to its place, atomically and durably; a whole file that is there already stays.

    One that was found damaged is kept beside, for whoever looks into it.
    """
    final = stored_at(sha256)
    final.parent.mkdir(parents=True, exist_ok=True)
    if Blob.objects.out_of_service().filter(pk=sha256).exists():
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
