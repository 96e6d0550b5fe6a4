"""A snapshot in the Hugging Face cache as a source: its links are followed into its own blobs, nowhere else.

The layout is huggingface_hub's: `models--org--name/snapshots/<commit>/…` holds links to
`models--org--name/blobs/<etag>`, and `models--org--name/refs/main` the commit of `main`.
The ETag of a large file is the SHA-256 of its bytes.
"""

import os
import re
from io import FileIO
from pathlib import Path, PurePosixPath

from portal.releases.models import SourceKind
from portal.releases.paths import ImportRefused, check_path, open_folder, open_regular
from portal.releases.sources.directories import marks, opened_at, regular_file, walk
from portal.releases.sources.files import SourceFile, checked

REPOSITORY = re.compile(r"models--[^/]+")
COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")
REF_BYTES_MAX = 200


class Snapshot:
    """One commit of a model, as the Hub's own client keeps it on disk."""

    kind = SourceKind.SNAPSHOT

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.repository, self.commit = directory.parent.parent, directory.name

    def list_files(self) -> list[SourceFile]:
        """Every file of the commit, in the order of paths; a link counts as the blob that it leads to.

        Raises ImportRefused for a link that leads anywhere but into the repository's blobs.
        """
        if not self.directory.is_dir():
            raise ImportRefused(
                "no_directory", f"{self.directory} is not a directory that the portal can see."
            )
        found = (self._source_file(entry, path) for entry, path in walk(self.directory))
        return checked(found, source=str(self.directory))

    def open(self, file: SourceFile, *, offset: int = 0) -> FileIO:
        """The blob behind the entry, or the entry itself where the cache holds real files."""
        return opened_at(self._descriptor(file.path), offset)

    def is_unchanged(self, file: SourceFile) -> bool:
        """Whether the entry still leads to the same blob, and that is as it was."""
        descriptor = self._descriptor(file.path)
        try:
            return marks(os.fstat(descriptor)) == (file.size_bytes, file.marker)
        finally:
            os.close(descriptor)

    def _source_file(self, entry: os.DirEntry[str], path: str) -> SourceFile:
        if not entry.is_symlink():
            return regular_file(entry, path)
        check_path(path)
        blob = self._blob_behind(str(Path(entry.path).readlink()), path)
        try:
            descriptor = self._open_blob(blob, path)
        except FileNotFoundError as error:
            raise ImportRefused(
                "missing_blob", f"{path} leads to a blob that is not there. Download the snapshot again."
            ) from error
        try:
            size_bytes, marker = marks(os.fstat(descriptor))
        finally:
            os.close(descriptor)
        return SourceFile(
            path, size_bytes, marker, version=blob, sha256=blob if SHA256.fullmatch(blob) else ""
        )

    def _descriptor(self, path: str) -> int:
        """Walk down from the repository to the entry, and from there to its blob, following no other link."""
        check_path(path)
        *folders, name = path.split("/")
        folder = open_folder(self.repository, "snapshots", self.commit, *folders)
        try:
            try:
                target = os.readlink(name, dir_fd=folder)
            except OSError:
                return open_regular(name, folder=folder, path=path)
        finally:
            os.close(folder)
        return self._open_blob(self._blob_behind(target, path), path)

    def _open_blob(self, blob: str, path: str) -> int:
        blobs = open_folder(self.repository, "blobs")
        try:
            return open_regular(blob, folder=blobs, path=path)
        finally:
            os.close(blobs)

    def _blob_behind(self, target: str, path: str) -> str:
        """The name of the blob that a link at `path` leads to. Raises ImportRefused for any other target."""
        here = PurePosixPath("snapshots", self.commit, path).parent
        # No folder on the way is a link, so the letters of the path say where it leads.
        joined = os.path.normpath(self.repository / here / target)
        blobs = self.repository / "blobs"
        name = os.path.relpath(joined, blobs)
        if "/" in name or name.startswith("."):
            raise ImportRefused(
                "link",
                f"{ascii(path)[1:-1]} is a link that leads out of the snapshot's own blobs. "
                "Copy the real files first (cp -rL DIRECTORY COPY) and import the copy.",
            )
        return name


def is_snapshot(directory: Path) -> bool:
    """Whether the path is that of a model's folder in the cache, or of one commit in it. No I/O."""
    return is_repository(directory) or (
        directory.parent.name == "snapshots" and is_repository(directory.parent.parent)
    )


def is_repository(directory: Path) -> bool:
    """Whether the path is that of a model's folder in the cache. No I/O."""
    return REPOSITORY.fullmatch(directory.name) is not None


def newest_commit(repository: Path) -> Path:
    """The snapshot that `refs/main` names.

    Raises ImportRefused with what to do instead.
    """
    sentence = (
        f"{repository} does not say which commit is its main one. Name the folder in snapshots/ itself."
    )
    try:
        folder = open_folder(repository, "refs")
        try:
            descriptor = open_regular("main", folder=folder, path="refs/main")
        finally:
            os.close(folder)
    except OSError as error:
        raise ImportRefused("no_ref", sentence, status=422) from error
    with FileIO(descriptor, "rb") as file:
        commit = file.read(REF_BYTES_MAX).decode("ascii", "replace").strip()
    if not COMMIT.fullmatch(commit):
        raise ImportRefused("no_ref", sentence, status=422)
    return repository / "snapshots" / commit


def in_words(directory: Path) -> str:
    """Which commit of which model a snapshot is.

    >>> in_words(Path("/hub/models--org--tiny/snapshots/0123456789abcdef0123456789abcdef01234567"))
    'org/tiny at commit 0123456789ab'
    """
    model = directory.parent.parent.name.removeprefix("models--").replace("--", "/")
    return f"{model} at commit {directory.name[:12]}"
