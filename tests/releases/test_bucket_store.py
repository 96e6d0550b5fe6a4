"""The copy of every blob in object storage, in a real S3-compatible server."""

import hashlib
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from django.core.management import CommandError, call_command

from portal.releases import actions, bucket, importing, objectstorage, store
from portal.releases.models import ImportStatus, Revision
from tests.storage import Breaks, breaking, storage


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("buckets")
    (folder / "store").mkdir()
    with storage(folder) as running:
        yield running


@pytest.fixture
def kept(server, settings):
    """The folder in which the server keeps what the portal gives it."""
    server.use(settings)
    settings.WEIGHTS_BUCKET = "s3://store/of/weights"
    return server.folder / "store" / "of" / "weights" / "sha256"


def imported(release, directory):
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)
    work.refresh_from_db()
    return work


def test_an_import_copies_every_blob_before_it_is_frozen(release, directory, kept):
    work = imported(release, directory)

    assert work.status == ImportStatus.DONE
    for file in work.revision.files.all():
        assert bucket.holds(file.sha256)
        copy = (kept / file.sha256[:2] / file.sha256).read_bytes()
        assert hashlib.sha256(copy).hexdigest() == file.sha256
        assert file.stored_at.read_bytes() == copy


def test_what_is_there_is_not_sent_again(release, directory, kept):
    file = imported(release, directory).revision.files.get(path="model.safetensors")
    sent = []

    assert not bucket.upload(file.sha256, on_bytes=sent.append)
    assert sent == []
    key = f"of/weights/sha256/{file.sha256[:2]}/{file.sha256}"
    objectstorage.client().put_object(Bucket="store", Key=key, Body=b"cut")
    assert bucket.upload(file.sha256, on_bytes=sent.append)
    assert sum(sent) == file.size_bytes


def test_a_large_blob_is_sent_in_parts(release, directory, kept, monkeypatch):
    monkeypatch.setattr(bucket, "PART_BYTES", 5 * 1024 * 1024)
    content = bytes(range(256)) * 50_000
    (directory / "large.json").write_bytes(content)

    imported(release, directory)

    sha256 = hashlib.sha256(content).hexdigest()
    assert (kept / sha256[:2] / sha256).read_bytes() == content


def test_an_operator_sends_what_was_imported_before_there_was_a_bucket(
    release, directory, kept, settings, capsys
):
    settings.WEIGHTS_BUCKET = ""
    (directory / "new.json").write_bytes(b'"sent later"')
    sha256 = imported(release, directory).revision.files.get(path="new.json").sha256
    with pytest.raises(CommandError, match="There is no WEIGHTS_BUCKET"):
        call_command("fill_bucket")
    settings.WEIGHTS_BUCKET = "s3://store/later"

    call_command("fill_bucket")
    call_command("fill_bucket")

    assert bucket.holds(sha256)
    said = capsys.readouterr().out
    assert "Sent: 4. There already: 0." in said
    assert "Sent: 0. There already: 4." in said


def test_a_bucket_that_does_not_take_the_blobs_fails_the_import(release, directory, kept, settings):
    settings.WEIGHTS_BUCKET = "s3://nowhere"

    work = imported(release, directory)

    assert work.status == ImportStatus.FAILED
    assert work.error.startswith("There is no bucket “nowhere” at 127.0.0.1:")
    assert not Revision.objects.exists()


def test_a_connection_that_breaks_while_a_blob_is_sent_is_made_again(
    release, directory, kept, server, settings
):
    breaks = Breaks(after_bytes=0, left=2)
    with breaking(server.url, breaks) as url:
        server.use(settings, url=url)
        work = imported(release, directory)

    assert (work.status, work.error, breaks.done) == (ImportStatus.DONE, "", 2)


def test_a_presigned_address_gives_the_blob_for_a_while_in_ranges(release, directory, kept):
    file = imported(release, directory).revision.files.get(path="model.safetensors")
    content = file.stored_at.read_bytes()

    address = bucket.presigned_url(file.sha256, filename="model.safetensors", seconds=60)

    with urlopen(address) as whole, urlopen(Request(address, headers={"Range": "bytes=100-108"})) as part:
        assert whole.read() == content
        # Of the status rclone makes 200, which Amazon's and most others do not.
        assert part.headers["Content-Range"] == f"bytes 100-108/{file.size_bytes}"
        assert part.read() == content[100:109]
    assert "X-Amz-Expires=60" in address
    assert objectstorage.endpoint() in address
    with pytest.raises(HTTPError, match="403"):
        urlopen(address.replace(file.sha256, "0" * 64))


def test_what_no_bucket_has_is_not_held(kept):
    assert not bucket.holds("0" * 64)


def test_a_bucket_that_is_away_is_said(kept, settings):
    settings.S3_ENDPOINT_URL = "http://127.0.0.1:1"

    with pytest.raises(bucket.BucketAway, match=r"127\.0\.0\.1:1 cannot be reached"):
        bucket.holds("0" * 64)


def test_a_blob_that_the_store_lost_is_not_sent(kept):
    with pytest.raises(FileNotFoundError):
        bucket.upload("0" * 64)
    assert not (store.root() / "sha256").exists()
