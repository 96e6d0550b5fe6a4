"""The header of a safetensors file: read and checked by the format's own rules, no tensor touched.

The format: eight bytes with the header's length N (little-endian), N bytes of JSON, then
the tensors' bytes without a gap (https://huggingface.co/docs/safetensors).
"""

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from portal.common.refusals import Refusal
from portal.releases.models import WeightFile

LENGTH_BYTES = 8
# The format's own limit, which its readers enforce.
HEADER_BYTES_MAX = 100_000_000
# What a reader can count the elements of one tensor with.
ELEMENTS_MAX = 2**63 - 1
METADATA = "__metadata__"
BITS = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "BOOL": 8, "U8": 8, "I8": 8,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32,
    "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
# A header can be a hundred megabytes of JSON; one at a time is parsed, however many files are read at once.
_parsing = threading.Lock()


class MalformedHeader(Refusal):
    """The file is not a whole safetensors file, and why; the sentence does not name the file."""


@dataclass(frozen=True)
class Tensor:
    """One tensor: its element type in safetensors' words, its shape, and where its bytes lie in the data."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def element_count(self) -> int:
        """How many numbers it holds."""
        count = 1
        for length in self.shape:
            count *= length
        return count


@dataclass(frozen=True)
class Header:
    """What a safetensors file says of itself; `data` is its JSON as it stands in the file."""

    data: Mapping[str, Any]
    metadata: Mapping[str, str]
    tensors: Mapping[str, Tensor]

    def element_counts(self) -> dict[str, int]:
        """How many numbers there are of each dtype: the parameters by their precision."""
        counts: dict[str, int] = {}
        for tensor in self.tensors.values():
            counts[tensor.dtype] = counts.get(tensor.dtype, 0) + tensor.element_count
        return counts


def safetensors_header(file: WeightFile) -> Header:
    """The header of a stored weight file. Reads the header only.

    Raises MalformedHeader, and OSError when the store has lost the file.
    """
    with file.stored_at.open("rb") as stored:
        return read_header(stored, size_bytes=file.size_bytes)


def read_header(file: BinaryIO, *, size_bytes: int) -> Header:
    """Read the header at the beginning of `file`, which has `size_bytes` in all, and check every word of it.

    Raises MalformedHeader, whose sentence names the tensor that is wrong.
    """
    length = int.from_bytes(_exactly(file, LENGTH_BYTES), "little")
    if length > HEADER_BYTES_MAX:
        raise _malformed(f"says that its header has {length:,} bytes; {HEADER_BYTES_MAX:,} is the most")
    if LENGTH_BYTES + length > size_bytes:
        raise _malformed(f"ends within its header: it has {size_bytes:,} bytes and needs more")
    with _parsing:
        data = _parsed(_exactly(file, length))
        metadata = _metadata(data.get(METADATA, {}))
        tensors = {name: _tensor(name, said) for name, said in data.items() if name != METADATA}
    _require_no_gap(tensors, data_bytes=size_bytes - LENGTH_BYTES - length)
    return Header(data, metadata, tensors)


def _exactly(file: BinaryIO, count: int) -> bytes:
    pieces = []
    while count and (piece := file.read(count)):
        pieces.append(piece)
        count -= len(piece)
    if count:
        raise _malformed("ends within its header")
    return b"".join(pieces)


def _parsed(text: bytes) -> dict[str, Any]:
    if not text.startswith(b"{"):
        raise _malformed("has a header that does not begin with “{”")
    try:
        data = json.loads(text.decode(), object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _malformed("has a header that is not JSON") from error
    if not isinstance(data, dict):
        raise _malformed("has a header that is not a JSON object")
    return data


def _without_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _malformed(f"has “{_shown(name)}” twice in its header")
        found[name] = value
    return found


def _no_constant(constant: str) -> None:
    raise ValueError(constant)


def _metadata(said: Any) -> dict[str, str]:
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise _malformed(f"has a {METADATA} that is not a table of texts")
    return said


def _tensor(name: str, said: Any) -> Tensor:
    shown = _shown(name)
    if not isinstance(said, dict) or not {"dtype", "shape", "data_offsets"} <= said.keys():
        raise _malformed(f"does not say the dtype, shape and data_offsets of the tensor “{shown}”")
    dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise _malformed(f"gives the tensor “{shown}” a dtype that safetensors does not have")
    if not _are_counts(shape):
        raise _malformed(f"gives the tensor “{shown}” a shape that is not a list of counts")
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:  # noqa: PLR2004 - begin and end
        raise _malformed(f"gives the tensor “{shown}” data_offsets that are not a beginning and an end")
    elements = 1
    for length in shape:
        elements *= length
        if elements > ELEMENTS_MAX:
            raise _malformed(f"gives the tensor “{shown}” a shape that no computer can hold")
    begin, end = offsets
    if elements * BITS[dtype] != 8 * (end - begin):
        raise _malformed(
            f"gives the tensor “{shown}” {_bytes(end - begin)}, which is not what {dtype} of its shape takes"
        )
    return Tensor(dtype, tuple(shape), begin, end)


def _are_counts(said: Any) -> bool:
    return isinstance(said, list) and all(type(number) is int and number >= 0 for number in said)


def _require_no_gap(tensors: Mapping[str, Tensor], *, data_bytes: int) -> None:
    position = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if tensor.begin != position:
            what = "overlaps the one before it" if tensor.begin < position else "follows a gap"
            raise _malformed(f"has a tensor, “{_shown(name)}”, that {what}")
        position = tensor.end
    if position > data_bytes:
        raise _malformed(f"is cut short by {_bytes(position - data_bytes)}")
    if position < data_bytes:
        raise _malformed(f"has {_bytes(data_bytes - position)} behind its last tensor")


def _bytes(count: int) -> str:
    return f"{count:,} byte" if count == 1 else f"{count:,} bytes"


def _shown(name: str) -> str:
    return ascii(name[:80])[1:-1]


def _malformed(what: str) -> MalformedHeader:
    return MalformedHeader("malformed_safetensors", what, status=422)
