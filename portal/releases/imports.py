"""What happens to an import at work: it is claimed by a worker and ends as a revision or as a failure."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.ledger.actions import record
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases import integrity_tasks
from portal.releases.cards import tasks as card_tasks
from portal.releases.models import (
    IMPORT_MOVES,
    RELEASE_MOVES,
    Blob,
    ImportedFile,
    ImportStatus,
    Release,
    ReleaseStatus,
    Revision,
    WeightFile,
    WeightImport,
)
from portal.releases.paths import ImportRefused
from portal.releases.safety.clearing import clearance_of
from portal.releases.safety.promoting import may_become_current

ATTEMPTS_MAX = 5


class LostClaim(Refusal):
    """Another worker has taken the import over."""


@transaction.atomic
def claim(import_id: int, *, worker: UUID) -> WeightImport | None:
    """Make `worker` the one who works on the import; None when it is taken or over.

    An import whose workers keep vanishing is failed at the sixth attempt.
    """
    claimed = WeightImport.objects.claimable().filter(pk=import_id)
    if not claimed.update(
        status=ImportStatus.RUNNING, worker=worker, alive_at=timezone.now(), attempts=F("attempts") + 1
    ):
        return None
    work = WeightImport.objects.select_related("release", "requested_by").get(pk=import_id)
    if work.attempts <= ATTEMPTS_MAX:
        return work
    sentence = f"The import stopped {ATTEMPTS_MAX} times without a word. The worker's log has the reason."
    fail(work, worker=worker, sentence=sentence)
    return None


@transaction.atomic
def fail(work: WeightImport, *, worker: UUID | None, sentence: str) -> None:
    """End the import with one clear sentence; nothing of it is registered.

    What was read whole stays noted, for an import of the same source that starts again.
    Does nothing when another worker has it, or it is over.
    """
    held = WeightImport.objects.select_for_update().filter(pk=work.pk, worker=worker).first()
    if held is None or not held.is_live:
        return
    move(held, ImportStatus.FAILED, moves=IMPORT_MOVES, error=sentence[:500], ended_at=timezone.now())
    facts = {"source": held.source, "error": held.error}
    record(Verb.WEIGHTS_IMPORT_FAILED, subject=held, by=held.requested_by, data=facts)


@transaction.atomic
def freeze(work: WeightImport, *, worker: UUID, files: Sequence[ImportedFile]) -> Revision:
    """Register `files` as a revision and make it the current one of its name; the import is done.

    An open release goes on giving out what was signed for until the new revision is clear and promoted.
    The very same files under the same name give the revision that is there already.

    Raises LostClaim, and ImportRefused when they are registered under another name.
    """
    release = Release.objects.select_for_update(no_key=True).get(pk=work.release_id)
    held = _held(work, worker=worker)
    commit = commit_id(files)
    known = release.revisions.filter(commit=commit).first()
    if known is not None and known.name != held.revision_name:
        raise ImportRefused(
            "known_files", f"These very files are registered already, as the revision “{known.name}”."
        )
    if known is not None and known.yanked_at is not None:
        raise ImportRefused(
            "yanked_files", f"These very files were yanked and stay yanked. The reason: {known.yank_reason}"
        )
    total, new_bytes = sum(file.size_bytes for file in files), _register_blobs(files)
    revision = known or _new_revision(release, held.revision_name, commit, files)
    is_given_out = _give_out(release, revision, by=held.requested_by)
    move(
        held,
        ImportStatus.DONE,
        moves=IMPORT_MOVES,
        revision=revision,
        is_duplicate=known is not None,
        done_bytes=total,
        total_bytes=total,
        current_path="",
        ended_at=timezone.now(),
    )
    ImportedFile.objects.filter(weight_import__release=release).delete()
    facts = {
        "import": held.pk,
        "commit": commit,
        "revision": revision.name,
        "files": len(files),
        "bytes": total,
        "known_bytes": total - new_bytes,
        "pickles": sum(file.is_pickle for file in files),
        "was_known": known is not None,
        "is_current": is_given_out,
    }
    record(Verb.REVISION_FROZEN, subject=revision, by=held.requested_by, data=facts)
    _follow_up(revision)
    return revision


def _give_out(release: Release, revision: Revision, *, by: User | None) -> bool:
    """Make `revision` the current one of its name if the release may give it out; whether it is."""
    rows = release.revisions.filter(name=revision.name)
    is_first = not rows.filter(is_current=True).exists()
    if not is_first and not may_become_current(release, revision):
        return rows.filter(pk=revision.pk, is_current=True).exists()
    rows.filter(is_current=True).exclude(pk=revision.pk).update(is_current=False)
    rows.filter(pk=revision.pk).update(is_current=True)
    if release.status == ReleaseStatus.CLEARED and not clearance_of(release).is_clear:
        # What was cleared were other bytes.
        move(release, ReleaseStatus.EVALUATING, moves=RELEASE_MOVES)
        data = {"from": ReleaseStatus.CLEARED, "commit": revision.commit}
        record(Verb.RELEASE_EVALUATING, subject=release, by=by, data=data)
    return True


def _follow_up(revision: Revision) -> None:
    """Have the revision signed and measured, and bytes checked that were out of service and came anew."""
    sign = partial(integrity_tasks.sign_revision.delay, revision_id=revision.pk)
    transaction.on_commit(sign, robust=True)
    measure = partial(card_tasks.measure_revision.delay, revision_id=revision.pk)
    transaction.on_commit(measure, robust=True)
    named = revision.files.values("sha256")
    for sha256 in Blob.objects.out_of_service().filter(pk__in=named).values_list("pk", flat=True):
        check = partial(integrity_tasks.check_blob.delay, sha256=sha256)
        transaction.on_commit(check, robust=True)


def known_bytes(works: Iterable[WeightImport]) -> dict[int, int]:
    """How many bytes of each finished import were in the store before it, by the import's id. One query."""
    revisions = {str(work.revision_id) for work in works if work.revision_id}
    frozen = Entry.objects.filter(
        verb=Verb.REVISION_FROZEN, subject_type=Revision._meta.label_lower, subject_id__in=revisions
    )
    return {
        data["import"]: data["known_bytes"]
        for data in frozen.values_list("data", flat=True)
        if "import" in data
    }


def commit_id(files: Sequence[ImportedFile]) -> str:
    """The commit id of a set of files: the first 40 hex digits of the SHA-256 of its manifest.

    The manifest has one line a file, in the order of the paths' UTF-8 bytes: path, NUL,
    size in bytes, NUL, SHA-256 in hex, newline. So the same files give the same id
    anywhere, and no byte of any of them can change without changing it.
    """
    lines = [f"{file.path}\0{file.size_bytes}\0{file.sha256}\n".encode() for file in files]
    return hashlib.sha256(b"".join(sorted(lines))).hexdigest()[:40]


def _held(work: WeightImport, *, worker: UUID) -> WeightImport:
    """The import's row, locked. Raises LostClaim unless `worker` is the one who works on it."""
    held = WeightImport.objects.select_for_update().filter(pk=work.pk, worker=worker).first()
    if held is None or held.status != ImportStatus.RUNNING:
        raise LostClaim("import_taken_over", "Another worker has taken this import over.")
    return held


def _register_blobs(files: Sequence[ImportedFile]) -> int:
    """Note the bytes that no revision had before; return how many they are."""
    sizes = {file.sha256: file.size_bytes for file in files}
    for known in Blob.objects.filter(pk__in=sizes).values_list("pk", flat=True):
        del sizes[known]
    Blob.objects.bulk_create(
        [Blob(sha256=sha256, size_bytes=size_bytes) for sha256, size_bytes in sizes.items()],
        batch_size=1000,
        ignore_conflicts=True,
    )
    return sum(sizes.values())


def _new_revision(release: Release, name: str, commit: str, files: Sequence[ImportedFile]) -> Revision:
    revision = Revision.objects.create(
        release=release,
        name=name,
        commit=commit,
        total_bytes=sum(file.size_bytes for file in files),
        is_current=False,
    )
    WeightFile.objects.bulk_create(
        [
            WeightFile(
                revision=revision,
                path=file.path,
                size_bytes=file.size_bytes,
                sha256=file.sha256,
                git_oid=file.git_oid,
                is_pickle=file.is_pickle,
            )
            for file in files
        ],
        batch_size=1000,
    )
    return revision
