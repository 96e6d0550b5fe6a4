"""Importing from the Hugging Face cache: links into its own blobs are followed, and nothing else is."""

import hashlib
import os
import shutil

import pytest

from portal.common.refusals import Refusal
from portal.releases import actions, importing, store
from portal.releases.models import Blob, ImportStatus, Revision
from portal.releases.sources import described, detect, open_source, snapshots
from tests import cast

COMMIT = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
WEIGHTS = cast.safetensors(5000)


def add(repository, path, content, *, blob=""):
    """What huggingface_hub leaves of one downloaded file."""
    blob = blob or hashlib.sha256(content).hexdigest()
    (repository / "blobs" / blob).write_bytes(content)
    entry = repository / "snapshots" / COMMIT / path
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.symlink_to(os.path.relpath(repository / "blobs" / blob, entry.parent))
    return repository / "blobs" / blob


@pytest.fixture
def repository(tmp_path):
    made = tmp_path / "hub" / "models--org--tiny"
    for folder in ("blobs", "refs", f"snapshots/{COMMIT}"):
        (made / folder).mkdir(parents=True)
    (made / "refs" / "main").write_text(COMMIT)
    add(made, "config.json", b"{}", blob="9e26dfeeb6e641a33dae4961196235bdb965b21b")
    add(made, "model.safetensors", WEIGHTS)
    add(made, "onnx/model.onnx", b"onnx")
    return made


@pytest.fixture
def snapshot(repository):
    return repository / "snapshots" / COMMIT


def imported(release, source):
    work = actions.request_import(release, source=str(source), by=None, dispatch=False)
    importing.run(work.pk)
    work.refresh_from_db()
    return work


def refuse(snapshot, pattern):
    with pytest.raises(Refusal, match=pattern):
        open_source(str(snapshot)).list_files()


def test_a_snapshot_becomes_a_frozen_revision(release, snapshot):
    work = imported(release, snapshot)

    files = {file.path: file.stored_at.read_bytes() for file in release.current_revision().files.all()}
    assert (work.status, work.error, work.kind) == (ImportStatus.DONE, "", "snapshot")
    assert files == {"config.json": b"{}", "model.safetensors": WEIGHTS, "onnx/model.onnx": b"onnx"}


def test_a_snapshot_and_a_copy_of_it_are_one_revision(release, snapshot, tmp_path):
    shutil.copytree(snapshot, tmp_path / "copy")

    imported(release, snapshot)

    assert imported(release, tmp_path / "copy").is_duplicate
    assert Revision.objects.count() == 1


def test_of_a_model_s_folder_the_commit_of_main_is_imported_and_shown(release, repository, snapshot):
    work = imported(release, repository)

    assert (work.status, work.source) == (ImportStatus.DONE, str(snapshot))
    assert described(work.source) == "org/tiny at commit 607a30d783df"


@pytest.mark.parametrize("ref", [None, "", "main", "../../../../etc", "f" * 39, f"{COMMIT}/.."])
def test_a_model_s_folder_that_does_not_say_its_commit_is_refused(release, repository, ref):
    if ref is None:
        (repository / "refs" / "main").unlink()
    else:
        (repository / "refs" / "main").write_text(ref)

    with pytest.raises(Refusal, match=r"does not say which commit is its main one\. Name the folder"):
        actions.request_import(release, source=str(repository), by=None, dispatch=False)


def test_a_ref_that_is_a_link_is_not_followed(release, repository, tmp_path):
    (tmp_path / "ref").write_text(COMMIT)
    (repository / "refs" / "main").unlink()
    (repository / "refs" / "main").symlink_to(tmp_path / "ref")

    with pytest.raises(Refusal, match="does not say which commit"):
        actions.request_import(release, source=str(repository), by=None, dispatch=False)


def test_a_commit_that_is_not_there_is_refused(release, repository):
    (repository / "refs" / "main").write_text("0" * 40)

    assert "is not a directory that the portal can see" in imported(release, repository).error


def test_a_blob_that_is_not_what_its_name_says_is_refused(release, repository, snapshot):
    add(repository, "other.safetensors", cast.safetensors(5000, layer=2), blob="ab" * 32)

    work = imported(release, snapshot)

    assert work.error.startswith("other.safetensors is damaged: its blob is named abababababab…")
    assert work.error.endswith("Delete the blob and download the snapshot again.")
    assert not (store.root() / "sha256" / "ab").exists()


@pytest.mark.parametrize(
    "target",
    [
        "/etc/passwd",
        "../../../../secret",
        "../../refs/main",
        "../../blobs",
        "../../blobs/../refs/main",
        "../../blobs/deep/inner",
        "config.json",
        "../../../models--org--other/blobs/x",
    ],
)
def test_a_link_out_of_the_blobs_is_refused(repository, snapshot, tmp_path, target):
    (tmp_path / "secret").write_text("s")
    (repository / "blobs" / "deep").mkdir()
    (repository / "blobs" / "deep" / "inner").write_text("x")
    (snapshot / "evil.json").symlink_to(target)

    refuse(snapshot, r"evil\.json is a link that leads out of the snapshot's own blobs")


def test_a_linked_folder_is_refused(snapshot, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (snapshot / "folder").symlink_to(tmp_path / "elsewhere")

    refuse(snapshot, "folder is a link that leads out")


def test_a_blob_that_is_itself_a_link_is_not_followed(release, repository, snapshot, tmp_path):
    (tmp_path / "secret").write_text("s")
    blob = add(repository, "evil.json", b"x")
    blob.unlink()
    blob.symlink_to(tmp_path / "secret")

    assert imported(release, snapshot).status == ImportStatus.FAILED
    assert not Blob.objects.exists()


def test_a_blobs_folder_that_is_a_link_is_not_followed(release, repository, snapshot, tmp_path):
    (repository / "blobs").rename(tmp_path / "blobs")
    (repository / "blobs").symlink_to(tmp_path / "blobs")

    assert imported(release, snapshot).status == ImportStatus.FAILED


def test_a_link_swapped_after_it_was_listed_is_not_followed(repository, snapshot, tmp_path):
    (tmp_path / "secret").write_text("s")
    source = open_source(str(snapshot))
    files = {file.path: file for file in source.list_files()}
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to(tmp_path / "secret")
    (snapshot / "onnx").rename(snapshot / "gone")
    (snapshot / "onnx").symlink_to(snapshot / "gone")

    with pytest.raises(Refusal, match="leads out"):
        source.open(files["config.json"])
    with pytest.raises(OSError, match="irectory"):
        source.open(files["onnx/model.onnx"])


def test_a_blob_that_is_still_missing_is_said(repository, snapshot):
    add(repository, "late.json", b"x").unlink()

    refuse(snapshot, r"late\.json leads to a blob that is not there\. Download the snapshot again")


def test_a_cache_without_links_is_read_as_well(release, snapshot):
    (snapshot / "real.json").write_text("{}")
    (snapshot / "absolute.json").symlink_to((snapshot / "config.json").resolve())

    work = imported(release, snapshot)

    assert work.status == ImportStatus.DONE
    assert work.revision.files.count() == 5


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("/hub/models--org--tiny", "snapshot"),
        (f"/hub/models--org--tiny/snapshots/{COMMIT}", "snapshot"),
        (f"/hub/models--org--tiny/snapshots/{COMMIT}/onnx", "directory"),
        ("/hub/models--org--tiny/blobs", "directory"),
        ("/hub/datasets--org--tiny", "directory"),
        ("/weights/tiny", "directory"),
        ("s3://weights/models--org--tiny", "bucket"),
    ],
)
def test_the_kind_is_told_by_the_form(source, kind):
    assert detect(source) == kind


def test_every_link_is_opened_from_the_repository_down(repository, snapshot):
    source = open_source(str(snapshot))
    assert isinstance(source, snapshots.Snapshot)
    [_, file, _] = source.list_files()

    with source.open(file, offset=4990) as opened:
        assert opened.read() == WEIGHTS[4990:]
    assert source.is_unchanged(file)
