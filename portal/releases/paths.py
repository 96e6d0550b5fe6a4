"""Which paths may become those of weight files, and how to open one without being led astray."""

import os
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from portal.common.refusals import Refusal

PATH_CHARACTERS_MAX = 500


class ImportRefused(Refusal):
    """The source cannot become a revision, and why."""


def is_hidden(path: str) -> bool:
    """Whether a file or a folder on the way to it is hidden; what leads elsewhere ("..") is not."""
    return any(part.startswith(".") and part not in (".", "..") for part in path.split("/"))


def check_path(path: str) -> None:
    """Refuse a path below the source that could mean another file elsewhere.

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


def check_collisions(paths: Iterable[str]) -> None:
    """Refuse names that one file system holds apart and another takes for one. Raises ImportRefused."""
    taken: dict[str, str] = {}
    for path in paths:
        for depth in range(1, path.count("/") + 2):
            part = "/".join(path.split("/")[:depth])
            other = taken.setdefault(unicodedata.normalize("NFC", part).casefold(), part)
            if other != part:
                raise ImportRefused(
                    "colliding_names",
                    f"{other} and {part} differ only in case or accents, "
                    "and are one name on some computers. Rename one.",
                )


def open_folder(folder: Path, *parts: str) -> int:
    """A descriptor of the folder `parts` below `folder`, following no link on the way. Raises OSError."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner = os.open(part, flags, dir_fd=opened)
            os.close(opened)
            opened = inner
    except OSError:
        os.close(opened)
        raise
    return opened


def open_regular(name: str, *, folder: int, path: str) -> int:
    """A descriptor of the regular file `name` in the open `folder`, following no link; `path` is for people.

    Raises ImportRefused when it is something else by now, OSError when it cannot be read.
    """
    # O_NONBLOCK: opening a pipe that took the file's place must not hang.
    opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise ImportRefused("special_file", f"{path} is not a regular file any more. Start the import again.")
    return opened


def open_beneath(directory: Path, path: str) -> int:
    """A descriptor of the regular file `path` below `directory`, following no link on the way.

    Raises ImportRefused when it is something else by now, OSError when it cannot be read.
    """
    check_path(path)
    *folders, name = path.split("/")
    folder = open_folder(directory, *folders)
    try:
        return open_regular(name, folder=folder, path=path)
    finally:
        os.close(folder)
