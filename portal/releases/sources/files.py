"""What every source of weights is: a list of files, each of which can be read from any offset on."""

from collections.abc import Iterable
from dataclasses import dataclass
from io import RawIOBase
from typing import Protocol

from portal.releases.models import SourceKind
from portal.releases.paths import ImportRefused, check_collisions, check_path

FILES_MAX = 20_000
# The Hub's clients raise an error for a larger file unless they have Xet (huggingface_hub's
# MAX_HTTP_DOWNLOAD_SIZE).
FILE_BYTES_MAX = 50_000_000_000


@dataclass(frozen=True)
class SourceFile:
    """One file to be imported: its path below the source, with slashes, and what it was when listed.

    `marker` is another number once the file has changed. `version` is what the source
    calls this state of the file ("" where it has no word for it), and `sha256` what its
    bytes must give ("" where the source does not say).
    """

    path: str
    size_bytes: int
    marker: int
    version: str = ""
    sha256: str = ""


class Source(Protocol):
    """Somewhere weights lie. Its methods may be called from several threads at once."""

    kind: SourceKind

    def list_files(self) -> list[SourceFile]:
        """Every file but hidden ones, in the order of paths.

        Raises ImportRefused with a sentence about the first thing that is wrong, and OSError.
        """
        ...

    def open(self, file: SourceFile, *, offset: int = 0) -> RawIOBase:
        """The bytes of `file` from `offset` on; seekable.

        Raises ImportRefused and OSError, then and while it is read.
        """
        ...

    def is_unchanged(self, file: SourceFile) -> bool:
        """Whether the file is still the one that was listed. Raises as `open` does."""
        ...


def checked(files: Iterable[SourceFile], *, source: str) -> list[SourceFile]:
    """The files in the order of paths, if they may become one revision.

    Raises ImportRefused.
    """
    found: list[SourceFile] = []
    for file in files:
        check_path(file.path)
        if file.size_bytes > FILE_BYTES_MAX:
            raise ImportRefused(
                "large_file",
                f"{file.path} has {file.size_bytes:,} bytes, and download tools take files up to "
                f"{FILE_BYTES_MAX:,}. Save the weights in smaller shards.",
            )
        found.append(file)
        if len(found) > FILES_MAX:
            raise ImportRefused("too_many_files", f"{source} holds more than {FILES_MAX:,} files.")
    if not found:
        raise ImportRefused("empty_directory", f"{source} holds no files. Name the place with the weights.")
    found.sort(key=lambda file: file.path)
    check_collisions(file.path for file in found)
    return found
