"""What a directory may hold, and what is refused with one sentence."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.releases.paths import ImportRefused, check_path, open_beneath
from portal.releases.sources import FILE_BYTES_MAX
from portal.releases.sources.directories import Directory


@pytest.fixture
def root(tmp_path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text("{}")
    return made


def test_hidden_files_and_folders_are_left_out(root):
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("x")
    (root / ".cache").mkdir()
    (root / ".cache" / "pickle.bin").write_text("x")
    (root / ".gitattributes").write_text("x")

    assert [file.path for file in Directory(root).list_files()] == ["config.json"]


def refuse(root, pattern):
    with pytest.raises(ImportRefused, match=pattern):
        Directory(root).list_files()


def test_a_link_out_of_the_directory_is_refused(root, tmp_path):
    (tmp_path / "secret").write_text("s")
    (root / "model.safetensors").symlink_to(tmp_path / "secret")

    refuse(root, "model.safetensors is a link. Copy the real files first")


def test_a_link_within_the_directory_is_refused_too(root):
    (root / "copy.json").symlink_to("config.json")

    refuse(root, "copy.json is a link")


def test_a_linked_folder_is_refused(root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (root / "onnx").symlink_to(tmp_path / "elsewhere")

    refuse(root, "onnx is a link")


def test_a_pipe_and_a_socket_are_refused(root, tmp_path):
    os.mkfifo(root / "pipe")
    refuse(root, "pipe is a device, socket or pipe")
    (root / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "s"))
        refuse(root, "s is a device, socket or pipe")


def test_a_file_that_download_tools_cannot_fetch_is_refused(root):
    with (root / "model.safetensors").open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)

    refuse(
        root, "model.safetensors has 50,000,000,001 bytes, and download tools take files up to 50,000,000,000"
    )


def test_the_largest_file_that_can_be_fetched_is_listed(root):
    with (root / "model.safetensors").open("wb") as file:
        file.truncate(FILE_BYTES_MAX)

    assert [file.size_bytes for file in Directory(root).list_files()] == [2, 50_000_000_000]


@pytest.mark.parametrize("name", [b"a\nb", b"a\x1bb", b"a\\b", b"\xff\xfe", "a\u202eb".encode()])
def test_a_name_that_not_every_computer_can_store_is_refused(root, name):
    (root / os.fsdecode(name)).write_text("x")

    refuse(root, "Rename the file")


@pytest.mark.parametrize(("one", "other"), [("A.json", "a.json"), ("caf\u00e9", "cafe\u0301")])
def test_names_that_some_computers_take_for_one_are_refused(root, one, other):
    (root / one).write_text("1")
    (root / other).write_text("2")

    refuse(root, "are one name on some computers")


def test_folders_that_differ_in_case_are_refused(root):
    for folder in ("ONNX", "onnx"):
        (root / folder).mkdir()
        (root / folder / f"{folder}.json").write_text("1")

    refuse(root, "are one name on some computers")


def test_an_empty_directory_and_none_are_refused(tmp_path):
    (tmp_path / "empty" / "deep").mkdir(parents=True)

    refuse(tmp_path / "empty", "holds no files")
    refuse(tmp_path / "none", "is not a directory that the portal can see")


def test_a_file_in_the_place_of_the_directory_is_refused(root):
    refuse(root / "config.json", "is not a directory")


@pytest.mark.parametrize(
    "path", ["../secret", "a/../../b", "/etc/passwd", "a//b", "./a", "a/.", "", "a\0b", "a\\..\\b"]
)
def test_a_path_that_leads_elsewhere_is_refused(path):
    with pytest.raises(ImportRefused):
        check_path(path)


@given(st.text(max_size=60))
def test_whatever_the_path_an_accepted_one_stays_below_the_directory(path):
    try:
        check_path(path)
    except ImportRefused:
        return

    root = Path("/weights/model")
    assert Path(os.path.normpath(root / path)).is_relative_to(root)
    assert Path(os.path.normpath(root / path)) != root
    assert "\0" not in path


def test_a_file_swapped_for_a_link_after_it_was_listed_is_not_followed(root, tmp_path):
    (tmp_path / "secret").write_text("s")
    (root / "config.json").unlink()
    (root / "config.json").symlink_to(tmp_path / "secret")

    with pytest.raises(OSError, match="symbolic links"):
        open_beneath(root, "config.json")


def test_a_folder_swapped_for_a_link_after_it_was_listed_is_not_followed(root, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("s")
    (root / "folder").symlink_to(tmp_path / "secrets")

    with pytest.raises(OSError, match="irectory"):
        open_beneath(root, "folder/key")
