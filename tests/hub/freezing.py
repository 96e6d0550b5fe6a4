"""Revisions without an import: bytes put into the store, and the rows that name them."""

import hashlib

from portal.releases.models import Release, Revision, WeightFile, stored_at


def freeze(
    release: Release, files: dict[str, bytes], *, name: str = "main", pickles: tuple[str, ...] = (), **fields
) -> Revision:
    """A frozen revision with these files, current under its name unless `fields` say otherwise."""
    if fields.get("is_current", True):
        release.revisions.filter(name=name, is_current=True).update(is_current=False)
    count = release.revisions.count()
    commit = hashlib.sha1(f"{release.pk} {count}".encode(), usedforsecurity=False).hexdigest()
    total = sum(len(data) for data in files.values())
    revision = Revision.objects.create(
        release=release, name=name, **{"commit": commit, "total_bytes": total} | fields
    )
    for path, data in files.items():
        sha256 = hashlib.sha256(data).hexdigest()
        where = stored_at(sha256)
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(data)
        WeightFile.objects.create(
            revision=revision,
            path=path,
            size_bytes=len(data),
            sha256=sha256,
            git_oid=git_oid(data),
            is_pickle=path in pickles,
        )
    return revision


def git_oid(data: bytes) -> str:
    """The id that git gives a blob of these bytes."""
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()


def yank(revision: Revision, reason: str, *, at) -> None:
    """Yank a revision that stays current."""
    Revision.objects.filter(pk=revision.pk).update(yanked_at=at, yank_reason=reason)
    revision.refresh_from_db()
