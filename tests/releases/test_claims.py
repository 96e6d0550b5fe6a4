"""Who works on an import: one worker at a time, which says how far it is, and the next when it is killed."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases import actions, importing, imports, store, tasks
from portal.releases.models import ImportStatus, Revision, WeightImport
from portal.releases.progress import Progress, Teller
from tests.releases.test_import import imported


def test_progress_is_told_and_bounded(release, directory, monkeypatch):
    told = []
    facts = Progress.facts
    monkeypatch.setattr(Progress, "facts", lambda self: (told.append(facts(self)), told[-1])[1])

    work = imported(release, directory)

    assert told[0] == (0, [])
    assert len(told) < 10
    assert (work.done_bytes, work.percent, work.current_path) == (1024 * 1024 + 26, 100, "")


def test_the_row_says_which_files_are_read_at_once(release, directory, monkeypatch):
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    imports.claim(work.pk, worker=(worker := uuid4()))
    progress = Progress()
    for path in ("a.json", "b.json", "x" * 499):
        progress.start(path)
    progress.add(7)
    progress.end("a.json")

    Teller(work, progress, worker=worker).tell()

    work.refresh_from_db()
    assert (work.done_bytes, work.current_paths) == (7, ["b.json"])


class Killed(BaseException):
    """What a killed process leaves behind: nothing after this point."""


def test_an_import_whose_worker_was_killed_goes_on_where_it_stopped(
    release, directory, monkeypatch, settings
):
    settings.WEIGHTS_IMPORT_THREADS = 1
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    take_in, read = store.take_in, []

    def killed_at_the_last_file(source, **options):
        if len(read) == 2:
            raise Killed
        read.append(options["size_bytes"])
        return take_in(source, **options)

    monkeypatch.setattr(store, "take_in", killed_at_the_last_file)
    with pytest.raises(Killed):
        importing.run(work.pk)
    work.refresh_from_db()
    assert work.status == ImportStatus.RUNNING
    assert not Revision.objects.exists()

    # Too early: for all that anybody knows the first worker lives.
    importing.run(work.pk)
    work.refresh_from_db()
    assert work.status == ImportStatus.RUNNING

    WeightImport.objects.update(alive_at=timezone.now() - timedelta(minutes=2))
    again = []
    monkeypatch.setattr(
        store, "take_in", lambda source, **o: (again.append(o["size_bytes"]), take_in(source, **o))[1]
    )
    importing.run(work.pk)

    work.refresh_from_db()
    assert (work.status, work.attempts) == (ImportStatus.DONE, 2)
    assert again == [4]
    assert work.revision.files.count() == 3


def test_a_second_delivery_of_the_task_does_nothing(release, directory):
    work = imported(release, directory)

    tasks.import_weights(import_id=work.pk)

    assert Revision.objects.count() == 1
    assert Entry.objects.filter(verb=Verb.REVISION_FROZEN).count() == 1


def test_a_worker_that_was_taken_for_dead_cannot_write(release, directory):
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    slow = uuid4()
    imports.claim(work.pk, worker=slow)
    WeightImport.objects.update(alive_at=timezone.now() - timedelta(minutes=2))
    importing.run(work.pk)

    with pytest.raises(imports.LostClaim):
        Teller(work, Progress(), worker=slow).tell()
    with pytest.raises(imports.LostClaim):
        imports.freeze(work, worker=slow, files=[])
    imports.fail(work, worker=slow, sentence="Late.")
    work.refresh_from_db()
    assert work.status == ImportStatus.DONE


def test_an_import_that_keeps_killing_its_workers_fails_with_a_sentence(release, directory):
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    WeightImport.objects.update(attempts=imports.ATTEMPTS_MAX)

    importing.run(work.pk)

    work.refresh_from_db()
    assert work.status == ImportStatus.FAILED
    assert "stopped 5 times" in work.error


def test_forgotten_imports_are_handed_out_again(release, directory, monkeypatch):
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    sent = []
    monkeypatch.setattr(tasks.import_weights, "delay", lambda **given: sent.append(given["import_id"]))

    tasks.resume_imports()
    assert sent == []

    WeightImport.objects.update(requested_at=timezone.now() - timedelta(minutes=2))
    tasks.resume_imports()
    assert sent == [work.pk]
