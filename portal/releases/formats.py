"""What the files of an import must be by their own formats; they are looked at, never loaded."""

import json
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from portal.releases import pickles, safetensors
from portal.releases.paths import ImportRefused

INDEX_SUFFIX = ".safetensors.index.json"
# The largest models have some hundred thousand tensors, at about a hundred bytes each.
INDEX_BYTES_MAX = 100_000_000
GGUF_MAGIC = b"GGUF"
# Magic, version and two counts; a shorter file is cut off.
GGUF_HEAD_BYTES = 24
NAMES_SHOWN = 3
_DANGER = "which can run code on the machine that loads it"
_CONVERT = "Convert the weights to safetensors"


def can_be_told_early(path: str) -> bool:
    """Whether the first bytes of the file show that it is broken, before hours are spent on the others."""
    return path.lower().endswith((".safetensors", ".gguf"))


def inspect(path: str, file: BinaryIO, *, size_bytes: int, allows_pickle: bool) -> bool:
    """Look at the open, seekable `file`; return whether it is a pickle.

    Raises ImportRefused for a malformed safetensors or GGUF file, and for a pickle unless
    those are allowed. A pickle in the name of either format is never allowed.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".safetensors":
        _inspect_safetensors(path, file, size_bytes)
        return False
    if suffix == ".gguf":
        _inspect_gguf(path, file)
        return False
    is_pickle = pickles.is_named_as_pickle(path) or pickles.holds_pickle(file)
    if is_pickle and not allows_pickle:
        raise _unwanted_pickle(path)
    return is_pickle


def check_name(path: str, *, allows_pickle: bool) -> None:
    """Refuse what the name alone shows to be a pickle, before anything is read. Raises ImportRefused."""
    if not allows_pickle and pickles.is_named_as_pickle(path):
        raise _unwanted_pickle(path)


def is_index(path: str) -> bool:
    """Whether the file says by its name that it is an index of safetensors shards."""
    return path.endswith(INDEX_SUFFIX)


def check_index(path: str, file: BinaryIO, *, paths: Collection[str]) -> None:
    """Refuse an index of shards that names one which is not among `paths`. Raises ImportRefused."""
    text = file.read(INDEX_BYTES_MAX + 1)
    try:
        said: Any = json.loads(text) if len(text) <= INDEX_BYTES_MAX else None
    except (ValueError, RecursionError):
        said = None
    shards = said.get("weight_map") if isinstance(said, dict) else None
    if not isinstance(shards, dict) or not all(isinstance(shard, str) for shard in shards.values()):
        raise ImportRefused("bad_index", f"{path} is not an index of shards: it has no weight_map of names.")
    folder = PurePosixPath(path).parent
    missing = sorted({shard for shard in shards.values() if str(folder / shard) not in paths})
    if missing:
        shown = ", ".join(ascii(name)[1:-1] for name in missing[:NAMES_SHOWN])
        more = f" and {len(missing) - NAMES_SHOWN} more" if len(missing) > NAMES_SHOWN else ""
        raise ImportRefused(
            "missing_shard",
            f"{path} names shards that are not there: {shown}{more}. Add them, or mend the index.",
        )


def _inspect_safetensors(path: str, file: BinaryIO, size_bytes: int) -> None:
    file.seek(0)
    try:
        safetensors.read_header(file, size_bytes=size_bytes)
    except safetensors.MalformedHeader as error:
        if pickles.holds_pickle(file):
            raise _false_pickle(path, "safetensors") from error
        raise ImportRefused(
            "malformed_safetensors", f"{path} {error.sentence}. Copy or save the file anew."
        ) from error


def _inspect_gguf(path: str, file: BinaryIO) -> None:
    file.seek(0)
    head = file.read(GGUF_HEAD_BYTES)
    if not head.startswith(GGUF_MAGIC) or len(head) < GGUF_HEAD_BYTES:
        file.seek(0)
        if pickles.holds_pickle(file):
            raise _false_pickle(path, "GGUF")
        raise ImportRefused(
            "malformed_gguf", f"{path} does not begin as a GGUF file does. Copy or save the file anew."
        )


def _unwanted_pickle(path: str) -> ImportRefused:
    disguise = "" if pickles.is_named_as_pickle(path) else " in spite of its name"
    return ImportRefused(
        "pickle",
        f"{path} is a pickle{disguise}, {_DANGER}. {_CONVERT}, or let the release take pickle files.",
    )


def _false_pickle(path: str, kind: str) -> ImportRefused:
    return ImportRefused(
        "pickle", f"{path} is a pickle in spite of its name, {_DANGER}. Save it as real {kind}."
    )
