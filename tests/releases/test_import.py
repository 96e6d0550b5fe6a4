"""Importing a directory: hashed, stored once, frozen, resumed, and never half registered."""

import errno
import hashlib
import os
import shutil

import pytest
from django.db import DatabaseError, transaction

from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases import actions, importing, store
from portal.releases.models import ImportStatus, Revision, WeightFile
from tests import cast

GIT_OID_OF_CONFIG = hashlib.sha1(b'blob 22\0{"model_type": "tiny"}').hexdigest()


def imported(release, directory, **options):
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False, **options)
    importing.run(work.pk)
    work.refresh_from_db()
    return work


def stored_files(root):
    return sorted(path.name for path in (root / "sha256").glob("*/*"))


def test_a_directory_becomes_a_frozen_revision(release, directory, store_root):
    work = imported(release, directory)

    revision = release.current_revision()
    files = {file.path: file for file in revision.files.all()}
    assert (work.status, work.percent, work.revision) == (ImportStatus.DONE, 100, revision)
    assert sorted(files) == ["config.json", "model.safetensors", "onnx/model.onnx"]
    assert files["config.json"].git_oid == GIT_OID_OF_CONFIG
    assert files["config.json"].sha256 == hashlib.sha256(b'{"model_type": "tiny"}').hexdigest()
    assert revision.total_bytes == 22 + 1024 * 1024 + 4
    assert stored_files(store_root) == sorted(file.sha256 for file in files.values())
    for file in files.values():
        assert file.stored_at.read_bytes() == (directory / file.path).read_bytes()
        assert file.stored_at.stat().st_mode & 0o777 == 0o444
    assert list((store_root / "incoming").iterdir()) == []


def test_the_commit_id_is_derived_from_every_path_size_and_hash(release, directory):
    imported(release, directory)

    lines = []
    for path in ("config.json", "model.safetensors", "onnx/model.onnx"):
        data = (directory / path).read_bytes()
        lines.append(f"{path}\0{len(data)}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    assert release.current_revision().commit == hashlib.sha256(b"".join(lines)).hexdigest()[:40]


def test_the_ledger_says_who_imported_what(release, directory, remy):
    work = actions.request_import(release, source=str(directory), by=remy, dispatch=False)
    importing.run(work.pk)

    requested = Entry.objects.get(verb=Verb.WEIGHTS_IMPORT_REQUESTED)
    frozen = Entry.objects.get(verb=Verb.REVISION_FROZEN)
    commit = release.current_revision().commit
    assert (requested.actor_label, frozen.actor_label) == ("remy@example.org", "remy@example.org")
    assert frozen.data == {
        "import": work.pk, "commit": commit, "revision": "main", "files": 3, "bytes": 1048602,
        "known_bytes": 0, "pickles": 0, "was_known": False, "is_current": True,
    }  # fmt: skip


def test_the_same_files_again_give_the_same_revision(release, directory, tmp_path, store_root):
    first = imported(release, directory).revision
    shutil.copytree(directory, tmp_path / "copy")
    before = stored_files(store_root)

    again = imported(release, tmp_path / "copy")

    assert (again.status, again.revision, again.is_duplicate) == (ImportStatus.DONE, first, True)
    assert Revision.objects.count() == 1
    assert stored_files(store_root) == before


def test_the_same_files_under_another_name_are_refused(release, directory):
    imported(release, directory)

    work = imported(release, directory, revision_name="v2")

    assert work.status == ImportStatus.FAILED
    assert work.error == "These very files are registered already, as the revision “main”."


def test_changed_files_become_the_current_revision_and_the_old_one_stays(release, directory):
    old = imported(release, directory).revision
    (directory / "config.json").write_bytes(b"{}")

    new = imported(release, directory).revision

    old.refresh_from_db()
    assert release.current_revision() == new
    assert not old.is_current
    assert old.files.count() == 3


def test_two_equal_files_are_stored_once(release, directory, store_root):
    shutil.copy(directory / "config.json", directory / "copy.json")

    imported(release, directory)

    assert release.current_revision().files.count() == 4
    assert len(stored_files(store_root)) == 3


def test_leftovers_of_crashes_are_cleared_away_after_a_day(store_root):
    (store_root / "incoming").mkdir(parents=True)
    for name, age in (("old", 90_000), ("new", 60)):
        path = store_root / "incoming" / name
        path.write_bytes(b"x")
        os.utime(path, (1_000_000 - age,) * 2)

    removed = store.sweep_incoming(older_than_seconds=86_400, now=1_000_000)

    assert removed == 1
    assert [path.name for path in (store_root / "incoming").iterdir()] == ["new"]


def test_a_full_disk_fails_the_import_and_registers_nothing(release, directory, monkeypatch, store_root):
    usage = shutil.disk_usage(directory)._replace(free=store.RESERVE_BYTES + 100)
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: usage)

    work = imported(release, directory)

    assert work.status == ImportStatus.FAILED
    assert "too full to take in model.safetensors (1,048,576 bytes)" in work.error
    assert not Revision.objects.exists()
    assert list((store_root / "incoming").iterdir()) == []
    failed = Entry.objects.get(verb=Verb.WEIGHTS_IMPORT_FAILED)
    assert failed.data["error"] == work.error


def test_a_disk_that_fills_in_mid_file_fails_the_import(release, directory, monkeypatch):
    def full(source, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "take_in", full)

    work = imported(release, directory)

    assert work.status == ImportStatus.FAILED
    assert "is too full" in work.error


def test_a_file_that_grows_while_it_is_read_fails_the_import(release, directory, monkeypatch):
    take_in = store.take_in

    def growing(source, **options):
        with (directory / "config.json").open("ab") as file:
            file.write(b" ")
        return take_in(source, **options)

    monkeypatch.setattr(store, "take_in", growing)

    work = imported(release, directory)

    assert work.error.startswith("config.json changed while it was read.")
    assert not Revision.objects.exists()


def test_a_second_import_beside_a_running_one_is_refused(release, directory):
    actions.request_import(release, source=str(directory), by=None, dispatch=False)

    with pytest.raises(Refusal, match="under way"):
        actions.request_import(release, source=str(directory), by=None, dispatch=False)


@pytest.mark.parametrize("name", ["refs/pr/1", "..", "-x", "a b", "", "f" * 40, "main\n"])
def test_a_revision_name_that_urls_cannot_carry_is_refused(release, directory, name):
    with pytest.raises(Refusal, match="Name the revision"):
        actions.request_import(release, source=str(directory), by=None, revision_name=name)


def test_a_frozen_file_cannot_change_in_the_database(release, directory):
    imported(release, directory)

    for attempt in (
        lambda: WeightFile.objects.update(sha256="0" * 64),
        lambda: WeightFile.objects.all().delete(),
        lambda: Revision.objects.update(commit="0" * 40),
    ):
        with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
            attempt()


def test_hashing_a_large_file_takes_little_memory(release, directory):
    import tracemalloc  # noqa: PLC0415 - slows every import down

    with (directory / "large.safetensors").open("wb") as file:
        file.write(cast.safetensors_head(300 * 1024 * 1024))
        file.truncate(300 * 1024 * 1024)
    tracemalloc.start()

    work = imported(release, directory)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert work.status == ImportStatus.DONE
    assert peak < 24 * 1024 * 1024


def test_where_the_file_system_shares_extents_the_clone_is_hashed_and_kept(release, directory, monkeypatch):
    def clone(source, target):
        os.pwrite(target, os.pread(source, 10_000_000, 0), 0)
        return True

    monkeypatch.setattr(store, "_clone", clone)

    work = imported(release, directory)

    assert work.status == ImportStatus.DONE
    for file in work.revision.files.all():
        assert hashlib.sha256(file.stored_at.read_bytes()).hexdigest() == file.sha256
        assert file.stored_at.read_bytes() == (directory / file.path).read_bytes()
