"""Importing from a bucket of a real S3-compatible server: whole, broken, changed, closed and hostile."""

import hashlib
import os
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings as configured
from django.utils import timezone

from portal.common.refusals import Refusal
from portal.releases import actions, importing, objectstorage, store
from portal.releases.models import IMPORT_SILENCE, ImportedFile, ImportStatus, Revision, WeightImport
from portal.releases.sources import buckets, open_source
from tests import cast
from tests.releases.test_command import environment
from tests.storage import Breaks, breaking, lying, storage

MEGABYTE = 1024 * 1024
SHARD = cast.safetensors(3 * MEGABYTE)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("buckets")
    for bucket in ("weights", "many"):
        (folder / bucket).mkdir()
    with storage(folder) as running:
        yield running


@pytest.fixture
def bucket(server, settings, monkeypatch):
    """The folder behind s3://weights/tiny, with a small model in it."""
    server.use(settings)
    monkeypatch.setattr(buckets, "WAITS_SECONDS", (0.01, 0.02, 0.04))
    root = server.folder / "weights" / "tiny"
    if not root.exists():
        (root / "onnx").mkdir(parents=True)
        (root / "config.json").write_bytes(b'{"model_type": "tiny"}')
        (root / "model.safetensors").write_bytes(SHARD)
        (root / "empty.txt").write_bytes(b"")
        (root / "onnx" / "models of été.onnx").write_bytes(b"onnx")
        (root / ".cache").mkdir()
        (root / ".cache" / "x.json").write_bytes(b"x")
    return root


def imported(release, source="s3://weights/tiny"):
    work = actions.request_import(release, source=source, by=None, dispatch=False)
    importing.run(work.pk)
    work.refresh_from_db()
    return work


def put(key, data):
    objectstorage.client().put_object(Bucket="weights", Key=key, Body=data)


def test_a_bucket_becomes_a_frozen_revision(release, bucket):
    work = imported(release, "s3://weights/tiny/")

    files = {file.path: file for file in release.current_revision().files.all()}
    assert (work.status, work.error, work.kind) == (ImportStatus.DONE, "", "bucket")
    assert sorted(files) == ["config.json", "empty.txt", "model.safetensors", "onnx/models of été.onnx"]
    assert files["model.safetensors"].sha256 == hashlib.sha256(SHARD).hexdigest()
    assert files["model.safetensors"].stored_at.read_bytes() == SHARD


def test_a_directory_and_a_bucket_with_the_same_files_are_one_revision(release, bucket, tmp_path):
    imported(release)

    again = imported(release, str(bucket))

    assert (again.is_duplicate, Revision.objects.count()) == (True, 1)


def test_a_listing_of_thousands_is_read_to_its_end(release, bucket, server):
    folder = server.folder / "many" / "small"
    folder.mkdir(exist_ok=True)
    for number in range(2100):
        (folder / f"{number}.json").write_text("{}")

    files = open_source("s3://many/small").list_files()

    assert len(files) == 2100
    assert len({file.path for file in files}) == 2100


def test_an_object_is_read_from_any_offset(release, bucket):
    source = open_source("s3://weights/tiny")
    file = {file.path: file for file in source.list_files()}["model.safetensors"]

    with source.open(file, offset=1000) as opened:
        middle = opened.read(10)
        opened.seek(-5, os.SEEK_END)
        end = opened.read(100)

    assert (middle, end) == (SHARD[1000:1010], SHARD[-5:])


def test_a_connection_that_breaks_is_taken_up_where_it_broke(release, bucket, server, settings):
    breaks = Breaks(after_bytes=MEGABYTE, left=2)
    with breaking(server.url, breaks) as url:
        server.use(settings, url=url)
        work = imported(release)

    assert (work.status, work.error, breaks.done) == (ImportStatus.DONE, "", 2)
    assert work.revision.files.get(path="model.safetensors").sha256 == hashlib.sha256(SHARD).hexdigest()


def test_an_object_that_changes_in_mid_read_fails_the_import(release, bucket, server, settings):
    other = cast.safetensors(3 * MEGABYTE, layer=9)
    put("changing/model.safetensors", SHARD)
    direct = objectstorage.client()
    breaks = Breaks(
        after_bytes=MEGABYTE,
        left=1,
        at_each=lambda: direct.put_object(Bucket="weights", Key="changing/model.safetensors", Body=other),
    )
    with breaking(server.url, breaks) as url:
        server.use(settings, url=url)
        work = imported(release, "s3://weights/changing")

    assert work.error.startswith("model.safetensors changed while it was read.")
    assert not Revision.objects.exists()
    assert not list((store.root() / "sha256").glob("*/*"))


def test_an_object_that_was_replaced_since_the_listing_is_refused(release, bucket):
    put("replaced/a.json", b"{}")
    source = open_source("s3://weights/replaced")
    [file] = source.list_files()
    put("replaced/a.json", b"[]")

    with pytest.raises(Refusal, match=r"a\.json changed while it was read"), source.open(file) as opened:
        opened.read()
    assert not source.is_unchanged(file)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"S3_ACCESS_KEY_ID": "WHOISTHIS"}, "does not know the access key. Check S3_ACCESS_KEY_ID."),
        ({"S3_SECRET_ACCESS_KEY": "wrong-secret"}, "refuses the secret key. Check S3_SECRET_ACCESS_KEY"),
        (
            {"S3_ENDPOINT_URL": "http://user:word@127.0.0.1:1"},
            "127.0.0.1:1 cannot be reached. Check S3_ENDPOINT",
        ),
    ],
)
def test_wrong_settings_are_named_and_no_secret_is(release, bucket, settings, changes, sentence):
    for name, value in changes.items():
        setattr(settings, name, value)

    work = imported(release)

    assert work.status == ImportStatus.FAILED
    assert sentence in work.error
    for secret in (settings.S3_ACCESS_KEY_ID, settings.S3_SECRET_ACCESS_KEY, "word"):
        assert secret not in work.error


def test_no_access_key_at_all_is_said(release, bucket, settings, monkeypatch):
    settings.S3_ACCESS_KEY_ID = settings.S3_SECRET_ACCESS_KEY = ""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    assert "Set S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY." in imported(release).error


def test_a_bucket_that_is_not_there_and_an_empty_prefix_are_said(release, bucket):
    assert "There is no bucket “nowhere” at 127.0.0.1:" in imported(release, "s3://nowhere/tiny").error
    assert imported(release, "s3://weights/nothing").error.startswith("s3://weights/nothing holds no files.")


def test_a_server_that_goes_away_in_mid_read_fails_the_import_which_can_start_again(
    release, bucket, server, settings
):
    settings.WEIGHTS_IMPORT_THREADS = 1
    breaks = Breaks(after_bytes=2 * MEGABYTE, left=10_000)
    breaks.at_each = lambda: setattr(breaks, "after_bytes", 0)
    with breaking(server.url, breaks) as url:
        server.use(settings, url=url)
        failed = imported(release)

    assert failed.status == ImportStatus.FAILED
    assert "cannot be reached" in failed.error
    server.use(settings)
    assert imported(release).status == ImportStatus.DONE


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("tiny/../x.json", "leads out of the directory"),
        ("tiny//etc/passwd", "leads out of the directory"),
        ("tiny/a/../../x", "leads out of the directory"),
        ("tiny/a\\b", "holds a character"),
        ("tiny/a\u202eb", "holds a character"),
        ("tiny/" + "x" * 501, "is longer than 500"),
    ],
)
def test_a_key_that_leads_elsewhere_is_refused(release, bucket, settings, key, sentence):
    with lying(["tiny/config.json", key]) as url:
        settings.S3_ENDPOINT_URL = url
        work = imported(release)

    assert work.status == ImportStatus.FAILED
    assert sentence in work.error


def test_keys_that_some_computers_take_for_one_are_refused(release, bucket, settings):
    with lying(["tiny/A.json", "tiny/a.json"]) as url:
        settings.S3_ENDPOINT_URL = url

        assert "are one name on some computers" in imported(release).error


def test_more_objects_than_a_revision_may_have_are_refused(release, bucket, settings):
    with lying(f"tiny/{number}" for number in range(20_001)) as url:
        settings.S3_ENDPOINT_URL = url

        assert "holds more than 20,000 files" in imported(release).error


@pytest.mark.parametrize(
    "source", ["s3://", "s3:///x", "s3://weights/a//b", "s3://weights/../x", "s3://we ights/x"]
)
def test_a_malformed_address_is_refused_at_once(release, source):
    with pytest.raises(Refusal, match="Write the bucket as s3://bucket/prefix"):
        actions.request_import(release, source=source, by=None, dispatch=False)


@pytest.mark.live
@pytest.mark.django_db(transaction=True)
def test_an_import_from_a_bucket_whose_worker_is_killed_goes_on(
    transactional_db, release, tmp_path, settings
):
    folder = tmp_path / "buckets" / "weights" / "shards"
    folder.mkdir(parents=True)
    for number in range(6):
        size = (number + 1) * MEGABYTE
        (folder / f"model-{number}.safetensors").write_bytes(cast.safetensors(size, layer=number))
    with storage(tmp_path / "buckets", "--bwlimit=8M") as slow:
        first = subprocess.Popen(
            [sys.executable, "manage.py", "import_weights", "tiny", "s3://weights/shards", "--here"],
            cwd=configured.BASE_DIR,
            env=environment(tmp_path) | slow.variables(),
        )
        deadline = time.monotonic() + 40
        while ImportedFile.objects.count() < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
        first.wait()
    known = dict(ImportedFile.objects.values_list("path", "pk"))
    work = WeightImport.objects.get()
    assert work.status == ImportStatus.RUNNING
    WeightImport.objects.update(alive_at=timezone.now() - 2 * IMPORT_SILENCE)

    with storage(tmp_path / "buckets") as quick:
        quick.use(settings)
        importing.run(work.pk)

    work.refresh_from_db()
    assert (work.status, work.error, work.attempts) == (ImportStatus.DONE, "", 2)
    assert work.revision.files.count() == 6
    assert 2 <= len(known) < 6
