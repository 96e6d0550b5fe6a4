"""`manage.py import_weights` on a terminal."""

import os
import subprocess
import sys
import time
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases import actions, tasks
from portal.releases.models import IMPORT_SILENCE, ImportedFile, ImportStatus, WeightImport
from tests import cast
from tests.safety import cleared


def test_an_operator_imports_here_and_is_told_the_commit(release, directory, capsys):
    call_command("import_weights", "tiny", str(directory), "--here")

    said = capsys.readouterr().out
    assert "open-weights/tiny@main: 3 files, 1.0 MB" in said
    assert f"commit {release.current_revision().commit}" in said


def test_an_operator_imports_twice_and_is_told_so(release, directory, capsys):
    call_command("import_weights", "tiny", str(directory), "--here")
    call_command("import_weights", "tiny", str(directory), "--here")

    assert "nothing was stored twice" in capsys.readouterr().out


def test_an_operator_is_told_what_was_there_before(release, directory, capsys):
    call_command("import_weights", "tiny", str(directory), "--here")
    (directory / "config.json").write_bytes(b"{}")
    call_command("import_weights", "tiny", str(directory), "--here")

    assert "1.0 MB of it were in the store already; nothing was stored twice." in capsys.readouterr().out


def test_an_operator_is_told_that_new_weights_of_an_open_release_wait(release, directory, capsys):
    call_command("import_weights", "tiny", str(directory), "--here")
    assert "It waits" not in capsys.readouterr().out
    given_out = release.current_revision()
    cast.policy(cleared.TERMS)
    (directory / "config.json").write_bytes(b"{}")

    call_command("import_weights", "tiny", str(directory), "--here")

    said = capsys.readouterr().out.splitlines()
    new = release.revisions.latest("frozen_at")
    assert said[-1] == f"commit {new.commit}"
    assert "It waits: Tiny is open, and “main” goes on giving out what was signed for." in said[-2]
    assert f"/console/releases/tiny/safety/{new.commit}/" in said[-2]
    assert release.current_revision() == given_out


def test_an_operator_imports_a_snapshot_by_its_model_s_folder(release, tmp_path, capsys):
    repository, commit = tmp_path / "models--org--tiny", "6" * 40
    for folder in ("refs", "blobs", f"snapshots/{commit}"):
        (repository / folder).mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "blobs" / "9e26dfee").write_bytes(b"{}")
    (repository / "snapshots" / commit / "config.json").symlink_to("../../blobs/9e26dfee")

    call_command("import_weights", "tiny", str(repository), "--here")

    said = capsys.readouterr().out
    assert f"Reading {repository}/snapshots/{commit}, org/tiny at commit 666666666666 …" in said
    assert "open-weights/tiny@main: 1 files, 2 bytes" in said


@pytest.mark.parametrize("source", ["s3://", "s3://weights/../x"])
def test_an_operator_misspells_a_bucket_and_is_told_how_to_write_it(release, source):
    with pytest.raises(CommandError, match="Write the bucket as s3://bucket/prefix"):
        call_command("import_weights", "tiny", source, "--here")


def test_an_operator_is_told_in_one_sentence_why_it_failed(release, directory):
    (directory / "pytorch_model.bin").write_text("x")

    with pytest.raises(CommandError, match=r"pytorch_model\.bin is a pickle"):
        call_command("import_weights", "tiny", str(directory), "--here")


def test_an_operator_misspells_the_release_and_sees_which_there_are(release, directory):
    with pytest.raises(CommandError, match=r"There is no release “tinny”\. There are: tiny\."):
        call_command("import_weights", "tinny", str(directory))


def test_an_operator_does_here_what_no_worker_took(release, directory):
    actions.request_import(release, source=str(directory), by=None, dispatch=False)

    call_command("import_weights", "tiny", str(directory), "--here")

    assert WeightImport.objects.count() == 1
    assert release.current_revision() is not None


def environment(home):
    url = urlsplit(settings.DATABASE_URL)
    database = urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))
    return os.environ | {
        "DATABASE_URL": database,
        "REDIS_URL": settings.REDIS_URL,
        "WEIGHTS_ROOT": str(settings.WEIGHTS_ROOT),
        "PORTAL_HOME": str(home),
        "DEBUG": "1",
    }


def process(*arguments, home):
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def worker(home):
    return process(
        "-m", "celery", "-A", "portal.celery:app", "worker", "--pool", "threads", "-c", "2", "-Q", "default",
        "--without-mingle", "--without-gossip", home=home,
    )  # fmt: skip


@pytest.mark.live
@pytest.mark.django_db(transaction=True)
def test_an_operator_waits_for_a_worker_and_follows_it(transactional_db, release, directory, tmp_path):
    waiting = process("manage.py", "import_weights", "tiny", str(directory), home=tmp_path)
    deadline = time.monotonic() + 30
    while not WeightImport.objects.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    at_work = worker(tmp_path)
    try:
        said, _ = waiting.communicate(timeout=60)
    finally:
        at_work.terminate()
        at_work.communicate(timeout=30)
        waiting.kill()

    assert waiting.returncode == 0, said
    assert "Waiting for a worker …" in said
    assert f"commit {release.current_revision().commit}" in said


def wait_for(is_so):
    deadline = time.monotonic() + 40
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.live
@pytest.mark.django_db(transaction=True)
def test_an_import_whose_worker_is_killed_is_finished_by_the_next(transactional_db, release, tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    for number in range(8):
        with (folder / f"model-{number}.safetensors").open("wb") as file:
            file.write(cast.safetensors_head(60 * 1024 * 1024, layer=number))
            file.truncate(60 * 1024 * 1024)
    work = actions.request_import(release, source=str(folder), by=None)
    first = worker(tmp_path)
    wait_for(lambda: ImportedFile.objects.count() >= 2)
    first.kill()
    first.communicate()
    known = set(ImportedFile.objects.values_list("pk", flat=True))
    assert WeightImport.objects.get().status == ImportStatus.RUNNING

    # What beat does half a minute later, when the import has been silent for a minute.
    WeightImport.objects.update(alive_at=timezone.now() - 2 * IMPORT_SILENCE)
    tasks.resume_imports()
    second = worker(tmp_path)
    try:
        wait_for(lambda: WeightImport.objects.get().attempts == 2)
        assert known <= set(ImportedFile.objects.values_list("pk", flat=True))
        wait_for(lambda: not WeightImport.objects.get().is_live)
    finally:
        second.kill()
        second.communicate()

    work.refresh_from_db()
    assert (work.status, work.error) == (ImportStatus.DONE, "")
    assert work.revision.files.count() == 8
    assert Entry.objects.filter(verb=Verb.REVISION_FROZEN).count() == 1
