"""The work of an import: read a directory into the store, piece by piece, and freeze what was read."""

import errno
import os
import time
from pathlib import Path
from uuid import UUID, uuid4

import structlog
from django.utils import timezone

from portal.releases import imports, store
from portal.releases.models import ImportedFile, ImportStatus, WeightImport
from portal.releases.paths import ImportRefused, SourceFile, list_files, open_beneath

# Often enough to look alive, seldom enough to cost nothing.
PROGRESS_EVERY_SECONDS = 0.4

log = structlog.get_logger(__name__)

_FORBIDDEN = "{path} cannot be read by the portal. Let its user read the directory and every file in it."
_SENTENCES = {
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENOENT: "{path} is gone. Leave the directory alone while it is imported, and start again.",
    errno.ENOTDIR: "{path} has become something else. Leave the directory alone, and start again.",
    errno.ELOOP: "{path} has become a link. Leave the directory alone, and start again.",
    errno.EIO: "{path} could not be read: the disk reports an error. Check the disk.",
}
_FULL = (
    "The disk with {root} is too full to take in {path} ({size:,} bytes). "
    "Free some space and start the import again."
)


class Progress:
    """Tells the row how far the work is, a few times a second at most, and that the worker lives."""

    def __init__(self, work: WeightImport, *, worker: UUID) -> None:
        self.work_id, self.worker = work.pk, worker
        self.path, self.done_bytes = "", 0
        self._told_at = 0.0

    def start(self, path: str) -> None:
        """A new file is being read."""
        self.path = path
        self.tell()

    def add(self, count_bytes: int) -> None:
        """So many bytes more have been read."""
        self.done_bytes += count_bytes
        if time.monotonic() - self._told_at >= PROGRESS_EVERY_SECONDS:
            self.tell()

    def tell(self) -> None:
        """Write the row now. Raises LostClaim when another worker has taken the import over."""
        self._told_at = time.monotonic()
        mine = WeightImport.objects.filter(pk=self.work_id, worker=self.worker, status=ImportStatus.RUNNING)
        if not mine.update(done_bytes=self.done_bytes, current_path=self.path, alive_at=timezone.now()):
            raise imports.LostClaim("import_taken_over", "Another worker has taken this import over.")


def run(import_id: int) -> None:
    """Do the import `import_id` to its end, unless somebody else is doing it or it is over.

    Whatever a worker before this one had read whole is not read again. An import that
    cannot succeed ends as failed with a sentence; a database that is away leaves it to
    the next worker.
    """
    worker = uuid4()
    work = imports.claim(import_id, worker=worker)
    if work is None:
        return
    try:
        _do(work, worker=worker)
    except imports.LostClaim:
        log.info("import_taken_over", import_id=import_id)
    except ImportRefused as refusal:
        imports.fail(work, worker=worker, sentence=refusal.sentence)
    except OSError as error:
        imports.fail(work, worker=worker, sentence=_sentence(error, work))


def _do(work: WeightImport, *, worker: UUID) -> None:
    directory = Path(work.source)
    files = list_files(directory)
    total = sum(file.size_bytes for file in files)
    WeightImport.objects.filter(pk=work.pk, worker=worker).update(total_bytes=total)
    progress = Progress(work, worker=worker)
    known = {file.path: file for file in work.imported_files.all()}
    read = [_take_in(work, directory, file, known.get(file.path), progress) for file in files]
    imports.freeze(work, worker=worker, files=read)


def _take_in(
    work: WeightImport,
    directory: Path,
    file: SourceFile,
    known: ImportedFile | None,
    progress: Progress,
) -> ImportedFile:
    """The record of `file` in the store: the one from before if it still holds, else a new one."""
    progress.start(file.path)
    if known is not None and _still_holds(known, file):
        progress.add(file.size_bytes)
        return known
    source = open_beneath(directory, file.path)
    try:
        stored = store.take_in(source, size_bytes=file.size_bytes, on_bytes=progress.add)
    except store.NoRoomError as error:
        raise ImportRefused("disk_full", _full(file.path, file.size_bytes)) from error
    except OSError as error:
        error.filename = error.filename or file.path
        raise
    finally:
        os.close(source)
    if stored.size_bytes != file.size_bytes:
        raise ImportRefused(
            "changed",
            f"{file.path} changed while it was read. Wait until nothing writes to it, and start again.",
        )
    record, _ = ImportedFile.objects.update_or_create(
        weight_import=work,
        path=file.path,
        defaults={
            "size_bytes": stored.size_bytes,
            "modified_ns": file.modified_ns,
            "sha256": stored.sha256,
            "git_oid": stored.git_oid,
        },
    )
    return record


def _still_holds(known: ImportedFile, file: SourceFile) -> bool:
    same = (known.size_bytes, known.modified_ns) == (file.size_bytes, file.modified_ns)
    return same and store.holds(known.sha256, size_bytes=known.size_bytes)


def _sentence(error: OSError, work: WeightImport) -> str:
    path = str(error.filename or work.source)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(work.current_path or path, 0)
    known = _SENTENCES.get(error.errno or 0)
    return known.format(path=path) if known else f"{path} could not be read: {error.strerror or error}."


def _full(path: str, size_bytes: int) -> str:
    return _FULL.format(root=store.root(), path=path, size=size_bytes)
