"""Several files at a time: really at once, stopped by the first error, given up with the claim."""

import shutil
import threading
import time
from uuid import uuid4

import pytest

from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases import actions, crews, importing, imports, scrubbing, store, taking
from portal.releases.crews import Crew, Hanging
from portal.releases.models import Blob, ImportedFile, ImportStatus, WeightImport
from portal.releases.progress import Progress, Stopped, Teller
from tests import cast


@pytest.fixture
def work(release, directory):
    return actions.request_import(release, source=str(directory), by=None, dispatch=False)


@pytest.fixture
def crew(work):
    """Makes a crew for the import, with the claim on it."""
    worker, progress = uuid4(), Progress()
    imports.claim(work.pk, worker=worker)

    def make(act, then=lambda _, __: None):
        return Crew(act, then=then, progress=progress, teller=Teller(work, progress, worker=worker))

    make.progress = progress
    return make


def test_as_many_files_as_there_are_threads_are_read_at_once(crew, settings):
    settings.WEIGHTS_IMPORT_THREADS = 4
    meeting = threading.Barrier(4, timeout=10)
    results = {}

    crew(lambda number: meeting.wait() >= 0 and number * 2, results.__setitem__).do(range(8))

    assert results == {number: number * 2 for number in range(8)}


def test_results_arrive_in_the_thread_that_asked(crew):
    threads = set()

    crew(lambda _: threading.get_ident(), lambda _, __: threads.add(threading.get_ident())).do(range(5))

    assert threads == {threading.get_ident()}


def test_the_first_error_stops_the_others_and_keeps_what_is_done(crew, settings):
    settings.WEIGHTS_IMPORT_THREADS = 2
    kept, stopped, is_reading = [], [], threading.Event()

    def act(number):
        if number == 1:
            is_reading.wait(5)
            raise ValueError("the disk")
        try:
            while number == 0:
                is_reading.set()
                crew.progress.add(1)
                time.sleep(0.01)
        except Stopped:
            stopped.append(number)
            raise

    with pytest.raises(ValueError, match="the disk"):
        crew(act, lambda number, _: kept.append(number)).do(range(50))

    assert stopped == [0]
    assert len(kept) < 50


def test_a_claim_that_is_lost_stops_the_threads(crew, work):
    ended = []

    def act(number):
        try:
            while True:
                crew.progress.add(1)
                time.sleep(0.01)
        except Stopped:
            ended.append(number)
            raise

    WeightImport.objects.update(worker=uuid4())
    with pytest.raises(imports.LostClaim):
        crew(act).do([1, 2])

    assert sorted(ended) == [1, 2]


def test_a_source_that_hangs_fails_the_import_and_leaves_its_thread_behind(crew, monkeypatch):
    monkeypatch.setattr(crews, "SILENCE_SECONDS_MAX", 0.5)
    is_over = threading.Event()

    with pytest.raises(Hanging, match="Nothing could be read for"):
        crew(lambda _: is_over.wait(20)).do([1])

    assert not is_over.is_set()
    is_over.set()


def test_the_largest_file_is_taken_first(work, monkeypatch, settings):
    settings.WEIGHTS_IMPORT_THREADS = 1
    order = []
    take = taking.Taking.take
    monkeypatch.setattr(
        taking.Taking, "take", lambda self, file: (order.append(file.path), take(self, file))[1]
    )

    importing.run(work.pk)

    assert order == ["model.safetensors", "config.json", "onnx/model.onnx"]


def test_files_copied_together_leave_the_reserve(release, directory, monkeypatch, settings, store_root):
    for number in range(4):
        (directory / f"{number}.safetensors").write_bytes(cast.safetensors(3_000_000, layer=number))
    free = store.RESERVE_BYTES + 8_000_000

    def usage(folder):
        used = sum(path.stat().st_size for path in store_root.rglob("*") if path.is_file())
        return shutil._ntuple_diskusage(free, used, free - used)

    monkeypatch.setattr(store.shutil, "disk_usage", usage)
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)

    importing.run(work.pk)

    work.refresh_from_db()
    assert work.status == ImportStatus.FAILED
    assert "too full to take in" in work.error
    assert usage(store_root).free >= store.RESERVE_BYTES
    assert store._room._promised_bytes == 0


def test_an_import_that_starts_again_reads_only_what_is_missing(release, directory, monkeypatch):
    (directory / "model.gguf").write_bytes(b"GGUF\3\0\0\0" + bytes(32))
    (directory / "bad.safetensors.index.json").write_text("{}")
    failed = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(failed.pk)
    assert ImportedFile.objects.count() == 5
    (directory / "bad.safetensors.index.json").unlink()
    (directory / "config.json").write_bytes(b"{}")
    read = []
    take_in = store.take_in
    monkeypatch.setattr(
        store, "take_in", lambda source, **o: (read.append(o["size_bytes"]), take_in(source, **o))[1]
    )

    again = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(again.pk)

    again.refresh_from_db()
    assert (again.status, read) == (ImportStatus.DONE, [2])
    assert again.revision.files.count() == 4
    assert not ImportedFile.objects.exists()


def test_bytes_that_were_there_already_are_counted(release, directory):
    importing.run(actions.request_import(release, source=str(directory), by=None, dispatch=False).pk)
    (directory / "config.json").write_bytes(b"{}")
    shutil.copy(directory / "config.json", directory / "again.json")

    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)

    work.refresh_from_db()
    facts = Entry.objects.filter(verb=Verb.REVISION_FROZEN).latest("number").data
    assert (facts["bytes"], facts["known_bytes"]) == (1024 * 1024 + 8, 1024 * 1024 + 6)
    assert imports.known_bytes([work]) == {work.pk: 1024 * 1024 + 6}


def test_a_damaged_blob_is_replaced_by_bytes_that_arrive_anew(release, directory, remy):
    importing.run(actions.request_import(release, source=str(directory), by=None, dispatch=False).pk)
    file = release.current_revision().files.get(path="model.safetensors")
    file.stored_at.chmod(0o644)
    file.stored_at.write_bytes(bytes(file.size_bytes))
    blob = Blob.objects.get(pk=file.sha256)
    scrubbing.damage(blob, reason="has another SHA-256")

    importing.run(actions.request_import(release, source=str(directory), by=remy, dispatch=False).pk)

    blob.refresh_from_db()
    assert blob.damaged_at is None
    assert file.stored_at.read_bytes() == (directory / "model.safetensors").read_bytes()
    restored = Entry.objects.get(verb=Verb.BLOB_RESTORED)
    assert (restored.subject_id, restored.actor_label) == (file.sha256, "remy@example.org")
