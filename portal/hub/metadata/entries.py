"""How a file, a folder and a revision look in the Hub's JSON."""

import hashlib
from collections.abc import Iterable
from typing import Any

from portal.hub.metadata.answers import moment
from portal.releases.models import Revision, WeightFile

# Of the pointer that Git LFS would keep in the file's place; clients want a number.
POINTER_BYTES = 134
LARGE_FROM_BYTES = 1024 * 1024
LARGE_SUFFIXES = (".safetensors", ".gguf", ".onnx", ".bin", ".npz", ".h5", ".parquet")


def sibling(file: WeightFile, *, with_blobs: bool) -> dict[str, Any]:
    """A file as model info lists it."""
    shown: dict[str, Any] = {"rfilename": file.path}
    if with_blobs:
        shown |= {"size": file.size_bytes, "blobId": file.git_oid}
        if is_large(file):
            shown["lfs"] = {"sha256": file.sha256, "size": file.size_bytes, "pointerSize": POINTER_BYTES}
    return shown


def file_entry(file: WeightFile, revision: Revision, *, is_expanded: bool) -> dict[str, Any]:
    """A file as the tree lists it. `oid` is the git blob id, which `hf cache verify` compares."""
    shown: dict[str, Any] = {
        "type": "file",
        "path": file.path,
        "size": file.size_bytes,
        "oid": file.git_oid,
    }
    if is_large(file):
        shown["lfs"] = {"oid": file.sha256, "size": file.size_bytes, "pointerSize": POINTER_BYTES}
    if is_expanded:
        shown["lastCommit"] = _last_commit(revision)
        if file.is_pickle:
            shown["securityFileStatus"] = {"status": "caution", "avScan": None, "pickleImportScan": None}
    return shown


def folder_entry(path: str, revision: Revision, *, is_expanded: bool) -> dict[str, Any]:
    """A folder as the tree lists it."""
    # Clients want 40 hex digits here and compare them with nothing.
    oid = hashlib.sha256(f"{revision.commit}/{path}".encode()).hexdigest()[:40]
    shown: dict[str, Any] = {"type": "directory", "path": path, "size": 0, "oid": oid}
    if is_expanded:
        shown["lastCommit"] = _last_commit(revision)
    return shown


def folders_of(path: str) -> Iterable[str]:
    """The folders that a file lies in, the outermost first.

    >>> list(folders_of("a/b/c.txt")), list(folders_of("c.txt"))
    (['a', 'a/b'], [])
    """
    parts = path.split("/")
    return ("/".join(parts[:depth]) for depth in range(1, len(parts)))


def title_of(revision: Revision) -> str:
    """What stands for a commit's title: the name, and whether nobody should use it any more."""
    return f"{revision.name} (yanked: {revision.yank_reason})" if revision.yanked_at else revision.name


def is_large(file: WeightFile) -> bool:
    """Whether clients should check the file by its SHA-256, as one that Git LFS keeps."""
    return file.size_bytes >= LARGE_FROM_BYTES or file.path.lower().endswith(LARGE_SUFFIXES)


def _last_commit(revision: Revision) -> dict[str, str]:
    """A revision is frozen as a whole: every file came with it."""
    return {"id": revision.commit, "title": title_of(revision), "date": moment(revision.frozen_at)}
