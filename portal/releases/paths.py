"""Which files of a directory may become weight files, and how to open one without being led astray."""

import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.common.refusals import Refusal

FILES_MAX = 20_000
PATH_CHARACTERS_MAX = 500
# Loading one of these runs whatever code its author put in; safetensors and GGUF are plain data.
PICKLES = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".dill"})


class ImportRefused(Refusal):
    """The directory cannot become a revision, and why."""


@dataclass(frozen=True)
class SourceFile:
    """One file to be imported: its path below the directory, with slashes, and what it was when listed."""

    path: str
    size_bytes: int
    modified_ns: int


def list_files(directory: Path) -> list[SourceFile]:
    """Every file below `directory`, in the order of paths; hidden files and folders are left out.

    Links are refused, whether they lead out of the directory or not: what is registered
    must be what lies there. The same goes for devices, sockets and pipes.

    Raises ImportRefused with a sentence about the first thing that is wrong.
    """
    if not directory.is_dir():
        raise ImportRefused("no_directory", f"{directory} is not a directory that the portal can see.")
    files: list[SourceFile] = []
    for entry, path in _walk(directory, ""):
        files.append(_source_file(entry, path))
        if len(files) > FILES_MAX:
            raise ImportRefused("too_many_files", f"{directory} holds more than {FILES_MAX:,} files.")
    if not files:
        raise ImportRefused("empty_directory", f"{directory} holds no files. Name the one with the weights.")
    _refuse_collisions(files)
    return sorted(files, key=lambda file: file.path)


def check_path(path: str) -> None:
    """Refuse a path below the directory that could mean another file elsewhere.

    Raises ImportRefused for "..", absolute paths, backslashes, control characters, names
    that are not UTF-8, and names that are too long.
    """
    shown = ascii(path)
    parts = path.split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise ImportRefused("unsafe_path", f"The path {shown} leads out of the directory. Rename the file.")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Cf") for character in path) or "\\" in path:
        raise ImportRefused(
            "unsafe_name",
            f"The name {shown} holds a character that not every computer can store. Rename the file.",
        )
    if len(path) > PATH_CHARACTERS_MAX:
        raise ImportRefused("long_path", f"The path {shown[:80]}… is longer than {PATH_CHARACTERS_MAX}.")
    if Path(path).suffix.lower() in PICKLES:
        raise ImportRefused(
            "pickle",
            f"{path} is a pickle, which can run code on the machine that loads it. "
            "Convert the weights to safetensors.",
        )


def open_beneath(directory: Path, path: str) -> int:
    """A file descriptor of the regular file `path` below `directory`, following no link on the way.

    Raises ImportRefused when it is something else by now, OSError when it cannot be read.
    """
    check_path(path)
    *folders, name = path.split("/")
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in folders:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner = os.open(part, flags, dir_fd=folder)
            os.close(folder)
            folder = inner
        # O_NONBLOCK: opening a pipe that took the file's place must not hang.
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise ImportRefused("special_file", f"{path} is not a regular file any more. Start the import again.")
    return opened


def _walk(directory: Path, prefix: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    with os.scandir(directory) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = f"{prefix}{entry.name}"
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{path}/")
        else:
            yield entry, path


def _source_file(entry: os.DirEntry[str], path: str) -> SourceFile:
    if entry.is_symlink():
        raise ImportRefused(
            "link",
            f"{ascii(path)[1:-1]} is a link. Copy the real files first (cp -rL DIRECTORY COPY) "
            "and import the copy.",
        )
    check_path(path)
    if not entry.is_file(follow_symlinks=False):
        raise ImportRefused("special_file", f"{path} is a device, socket or pipe. Take it out.")
    facts = entry.stat(follow_symlinks=False)
    return SourceFile(path, facts.st_size, facts.st_mtime_ns)


def _refuse_collisions(files: list[SourceFile]) -> None:
    """Two names that one file system holds apart must not become one on another."""
    taken: dict[str, str] = {}
    for file in files:
        for depth in range(1, file.path.count("/") + 2):
            part = "/".join(file.path.split("/")[:depth])
            other = taken.setdefault(unicodedata.normalize("NFC", part).casefold(), part)
            if other != part:
                raise ImportRefused(
                    "colliding_names",
                    f"{other} and {part} differ only in case or accents, "
                    "and are one name on some computers. Rename one.",
                )
