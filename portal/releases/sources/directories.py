"""A directory as a source of weights: regular files only, and no link is followed."""

import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from portal.releases.models import SourceKind
from portal.releases.paths import ImportRefused, check_path, open_beneath
from portal.releases.sources.files import SourceFile, checked


class Directory:
    """The files that lie below one directory of the server."""

    kind = SourceKind.DIRECTORY

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def list_files(self) -> list[SourceFile]:
        """Every file below the directory, in the order of paths; hidden files and folders are left out.

        Links are refused, whether they lead out of the directory or not: what is registered
        must be what lies there. The same goes for devices, sockets and pipes.

        Raises ImportRefused with a sentence about the first thing that is wrong.
        """
        if not self.directory.is_dir():
            raise ImportRefused(
                "no_directory", f"{self.directory} is not a directory that the portal can see."
            )
        found = (self._source_file(entry, path) for entry, path in walk(self.directory))
        return checked(found, source=str(self.directory))

    def open(self, file: SourceFile, *, offset: int = 0) -> FileIO:
        """The file itself, opened by walking down from the directory."""
        return opened_at(open_beneath(self.directory, file.path), offset)

    def is_unchanged(self, file: SourceFile) -> bool:
        """Whether its size and its time of modification are still the same."""
        with self.open(file) as opened:
            return marks(os.fstat(opened.fileno())) == (file.size_bytes, file.marker)

    def _source_file(self, entry: os.DirEntry[str], path: str) -> SourceFile:
        if entry.is_symlink():
            raise ImportRefused(
                "link",
                f"{ascii(path)[1:-1]} is a link. Copy the real files first (cp -rL DIRECTORY COPY) "
                "and import the copy.",
            )
        return regular_file(entry, path)


def walk(directory: Path, prefix: str = "") -> Iterator[tuple[os.DirEntry[str], str]]:
    """Whatever lies below `directory` and is no folder, with its path; hidden names are left out."""
    with os.scandir(directory) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = f"{prefix}{entry.name}"
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from walk(Path(entry.path), f"{path}/")
        else:
            yield entry, path


def regular_file(entry: os.DirEntry[str], path: str) -> SourceFile:
    """The entry, which is no link, as a file to be imported. Raises ImportRefused for a device."""
    check_path(path)
    if not entry.is_file(follow_symlinks=False):
        raise ImportRefused("special_file", f"{path} is a device, socket or pipe. Take it out.")
    return SourceFile(path, *marks(entry.stat(follow_symlinks=False)))


def marks(facts: os.stat_result) -> tuple[int, int]:
    """Size in bytes and time of modification in nanoseconds: a file with the same two is the same file."""
    return facts.st_size, facts.st_mtime_ns


def opened_at(descriptor: int, offset: int) -> FileIO:
    """The open file, to be read from `offset` on; unbuffered, and closed with what is returned."""
    file = FileIO(descriptor, "rb")
    file.seek(offset)
    return file
