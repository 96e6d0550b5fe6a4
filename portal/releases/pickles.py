"""Telling pickles by their names and by their bytes; nothing is ever unpickled."""

import pickletools
import zipfile
from pathlib import PurePosixPath
from typing import BinaryIO, cast

# Loading one of these runs whatever code its author put in; safetensors and GGUF are plain data.
SUFFIXES = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".dill"})
# A pickle of protocol 2 or newer begins with the opcode PROTO, the number, and another opcode.
PROTO, FIRST_PROTOCOL, LAST_PROTOCOL = 0x80, 2, 15
OPCODES = frozenset(ord(opcode.code) for opcode in pickletools.opcodes)
HEAD_BYTES = 4
ZIP_MAGIC = b"PK\x03\x04"
# torch.save writes a zip archive whose member `archive/data.pkl` is the pickle. The directory of one with
# a hundred thousand tensors fits; memory is not for whoever makes a larger one to take.
DIRECTORY_BYTES_MAX = 16 * 1024 * 1024


def is_named_as_pickle(path: str) -> bool:
    """Whether the file's suffix is one that pickles have."""
    return PurePosixPath(path).suffix.lower() in SUFFIXES


def holds_pickle(file: BinaryIO) -> bool:
    """Whether the bytes are a pickle, or an archive with one in it.

    Reads four bytes, or an archive's directory. An archive that cannot be looked into counts
    as one with a pickle.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if head.startswith(ZIP_MAGIC):
        return _archive_holds_pickle(file)
    return (
        len(head) == HEAD_BYTES
        and head[0] == PROTO
        and FIRST_PROTOCOL <= head[1] <= LAST_PROTOCOL
        and head[2] in OPCODES
    )


def _archive_holds_pickle(file: BinaryIO) -> bool:
    try:
        with zipfile.ZipFile(cast("BinaryIO", _Bounded(file))) as archive:
            return any(name.lower().endswith((".pkl", ".pickle")) for name in archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return True


class _Bounded:
    """A file of which no single read gives more than an archive's directory may take."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, count: int = -1) -> bytes:
        return self._file.read(count if 0 <= count <= DIRECTORY_BYTES_MAX else DIRECTORY_BYTES_MAX)
