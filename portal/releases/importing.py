"""The work of an import: read a source into the store, several files at a time, and freeze what was read."""

from uuid import UUID, uuid4

import structlog

from portal.common.refusals import Refusal
from portal.releases import disks, formats, imports, scrubbing, store
from portal.releases.crews import Crew
from portal.releases.models import Blob, ImportedFile, WeightImport, stored_at
from portal.releases.progress import Progress, Teller
from portal.releases.sources import Source, SourceFile, open_source
from portal.releases.taking import Taken, Taking

log = structlog.get_logger(__name__)


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
    except Refusal as refusal:
        imports.fail(work, worker=worker, sentence=refusal.sentence)
    except OSError as error:
        imports.fail(work, worker=worker, sentence=disks.refusal(error, path=work.source).sentence)


def _do(work: WeightImport, *, worker: UUID) -> None:
    source = open_source(work.source)
    files = source.list_files()
    for file in files:
        formats.check_name(file.path, allows_pickle=work.release.allows_pickle)
    total = sum(file.size_bytes for file in files)
    WeightImport.objects.filter(pk=work.pk, worker=worker).update(total_bytes=total)
    read = _read(work, source, files, worker=worker)
    for path in filter(formats.is_index, read):
        with stored_at(read[path].sha256).open("rb") as index:
            formats.check_index(path, index, paths=read.keys())
    imports.freeze(work, worker=worker, files=list(read.values()))


def _read(
    work: WeightImport, source: Source, files: list[SourceFile], *, worker: UUID
) -> dict[str, ImportedFile]:
    """The record of every file in the store, by its path: the one from before if it still holds."""
    damaged = frozenset(Blob.objects.out_of_service().values_list("sha256", flat=True))
    progress = Progress()
    taking = Taking(source, progress, allows_pickle=work.release.allows_pickle, damaged=damaged)
    read = _known(work, files, damaged)
    for file in read.values():
        progress.add(file.size_bytes)
    # The largest first: else the last one would be read alone while the other threads are idle.
    missing = sorted((f for f in files if f.path not in read), key=lambda f: -f.size_bytes)

    def keep(file: SourceFile, taken: Taken) -> None:
        read[file.path] = _recorded(work, file, taken)
        if taken.stored.sha256 in damaged:
            scrubbing.restore(Blob.objects.get(pk=taken.stored.sha256), by=work.requested_by)

    teller = Teller(work, progress, worker=worker)
    teller.tell()
    Crew(taking.look_ahead, progress=progress, teller=teller).do(
        [file for file in missing if formats.can_be_told_early(file.path)]
    )
    Crew(taking.take, then=keep, progress=progress, teller=teller).do(missing)
    return read


def _known(work: WeightImport, files: list[SourceFile], damaged: frozenset[str]) -> dict[str, ImportedFile]:
    """What was read before, is still the same in the source, and is still whole in the store."""
    listed = {file.path: file for file in files}
    found = {}
    for known in work.imported_files.exclude(sha256__in=damaged):
        file = listed.get(known.path)
        if (
            file is not None
            and (known.size_bytes, known.modified_ns) == (file.size_bytes, file.marker)
            and file.sha256 in ("", known.sha256)
            and (work.release.allows_pickle or not known.is_pickle)
            and store.holds(known.sha256, size_bytes=known.size_bytes)
        ):
            found[known.path] = known
    return found


def _recorded(work: WeightImport, file: SourceFile, taken: Taken) -> ImportedFile:
    record, _ = ImportedFile.objects.update_or_create(
        weight_import=work,
        path=file.path,
        defaults={
            "size_bytes": taken.stored.size_bytes,
            "modified_ns": file.marker,
            "sha256": taken.stored.sha256,
            "git_oid": taken.stored.git_oid,
            "is_pickle": taken.is_pickle,
        },
    )
    return record
