"""Headers of safetensors files: what is read from whole ones, and what is said of each broken kind."""

import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.releases import actions, importing
from portal.releases.models import ImportStatus
from portal.releases.safetensors import (
    HEADER_BYTES_MAX,
    MalformedHeader,
    Tensor,
    read_header,
    safetensors_header,
)
from tests import cast


def file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def read(content):
    return read_header(io.BytesIO(content), size_bytes=len(content))


def test_a_whole_header_is_read():
    header = read(
        file(
            {
                "__metadata__": {"format": "pt"},
                "b": tensor("BF16", [2, 3], 4, 16),
                "a": tensor("F32", [], 0, 4),
                "empty": tensor("F16", [0, 7], 16, 16),
                "c": tensor("F4", [4], 16, 18),
            },
            bytes(18),
        )
    )

    assert header.metadata == {"format": "pt"}
    assert header.tensors["b"] == Tensor("BF16", (2, 3), 4, 16)
    assert header.element_counts() == {"BF16": 6, "F32": 1, "F16": 0, "F4": 4}


def test_a_header_with_no_tensor_is_whole():
    assert read(file(b"{}   ")).tensors == {}


A = tensor("U8", [4], 0, 4)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "ends within its header"),
        (b"\1\0\0", "ends within its header"),
        (struct.pack("<Q", 50) + b"{}", "ends within its header: it has 10 bytes and needs more"),
        (struct.pack("<Q", HEADER_BYTES_MAX + 1) + b"{}", "100,000,000 is the most"),
        (b"\xff" * 16, "says that its header has 18,446,744,073,709,551,615 bytes"),
        (file(b""), "does not begin with"),
        (file(b" {}"), "does not begin with"),
        (file(b"[]"), "does not begin with"),
        (file(b"{} x"), "is not JSON"),
        (file(b'{"a": NaN}'), "is not JSON"),
        (file(b'{"\xff": 1}'), "is not JSON"),
        (file(b'{"a":' * 200_000), "is not JSON"),
        (file(b'{"a": ' + b"9" * 5000 + b"}"), "is not JSON"),
        (file(b'{"a": 1, "a": 2}'), "has “a” twice"),
        (file(b'{"a": {"dtype": "U8", "dtype": "I8"}}'), "has “dtype” twice"),
        (file({"__metadata__": {"a": 1}}), "__metadata__ that is not a table of texts"),
        (file({"__metadata__": []}), "__metadata__ that is not a table of texts"),
        (file({"a": 1}), "does not say the dtype, shape and data_offsets of the tensor “a”"),
        (file({"a": {"dtype": "U8", "shape": [1]}}), "does not say the dtype"),
        (file({"a": tensor("U9", [1], 0, 1)}), "“a” a dtype that safetensors does not have"),
        (file({"a": tensor(["U8"], [1], 0, 1)}), "“a” a dtype"),
        (file({"a": tensor("U8", 1, 0, 1)}), "“a” a shape that is not a list of counts"),
        (file({"a": tensor("U8", [-1], 0, 1)}), "“a” a shape that is not a list of counts"),
        (file({"a": tensor("U8", [True], 0, 1)}), "“a” a shape that is not a list of counts"),
        (file({"a": tensor("U8", [1.0], 0, 1)}), "“a” a shape that is not a list of counts"),
        (file({"a": tensor("U8", [2**62, 4], 0, 1)}), "“a” a shape that no computer can hold"),
        (file({"a": tensor("U8", [2**63, 0], 0, 0)}), "“a” a shape that no computer can hold"),
        (file({"a": tensor("U8", [1], 1, 0)}), "“a” data_offsets that are not a beginning and an end"),
        (file({"a": tensor("U8", [1], -1, 0)}), "“a” data_offsets that are not"),
        (file({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0]}}), "“a” data_offsets that are not"),
        (file({"a": tensor("F32", [2], 0, 4)}, bytes(4)), "“a” 4 bytes, which is not what F32"),
        (file({"a": tensor("F4", [3], 0, 2)}, bytes(2)), "“a” 2 bytes, which is not what F4"),
        (file({"a": A, "b": tensor("U8", [4], 5, 9)}, bytes(9)), "“b”, that follows a gap"),
        (file({"a": A, "b": tensor("U8", [4], 3, 7)}, bytes(7)), "“b”, that overlaps the one before it"),
        (file({"a": A, "b": A}, bytes(4)), "that overlaps the one before it"),
        (file({"a": tensor("U8", [4], 1, 5)}, bytes(5)), "“a”, that follows a gap"),
        (file({"a": A}, bytes(3)), "is cut short by 1 byte"),
        (file({"a": A}, bytes(6)), "has 2 bytes behind its last tensor"),
        (file({"a\n\u202e" * 99: 1}), r"the tensor “a\\n\\u202e"),
    ],
)
def test_a_broken_file_is_described(content, sentence):
    with pytest.raises(MalformedHeader) as refused:
        read(content)

    assert sentence.replace("\\\\", "\\") in refused.value.sentence
    assert len(refused.value.sentence) < 400


@given(st.binary(max_size=300))
def test_whatever_the_bytes_they_are_read_or_refused(content):
    try:
        header = read(content)
    except MalformedHeader:
        return

    assert sum(tensor.end - tensor.begin for tensor in header.tensors.values()) <= len(content)


@given(st.dictionaries(st.text(max_size=5), st.recursive(st.integers() | st.text(), st.lists), max_size=4))
def test_whatever_the_json_it_is_read_or_refused(said):
    try:
        read(file(said, bytes(16)))
    except MalformedHeader:
        return


def test_a_shape_of_a_million_lengths_costs_little():
    content = file({"a": tensor("U8", [2**40] * 1_000_000, 0, 1)})

    with pytest.raises(MalformedHeader, match="no computer can hold"):
        read(content)


def test_the_tensors_themselves_are_not_read():
    class Counting(io.BytesIO):
        count = 0

        def read(self, size=-1):
            self.count += size
            return super().read(size)

    content = cast.safetensors(1024 * 1024)
    counting = Counting(content)

    read_header(counting, size_bytes=len(content))

    assert counting.count == cast.SAFETENSORS_HEAD_BYTES


def test_the_header_of_a_stored_file_is_read(release, directory):
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)

    header = safetensors_header(release.current_revision().files.get(path="model.safetensors"))

    assert header.element_counts() == {"U8": 1024 * 1024 - 256}
    assert header.data["layers.0.weight"]["dtype"] == "U8"


def test_a_broken_file_fails_the_import_before_the_others_are_read(release, directory):
    with (directory / "large.json").open("wb") as large:
        large.truncate(300 * 1024 * 1024)
    (directory / "model.safetensors").write_bytes(cast.safetensors(5000)[:-1])
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)

    importing.run(work.pk)

    work.refresh_from_db()
    assert work.status == ImportStatus.FAILED
    assert work.error == ("model.safetensors is cut short by 1 byte. Copy or save the file anew.")
    assert work.done_bytes == 0
