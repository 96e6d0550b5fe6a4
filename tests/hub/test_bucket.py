"""The door before object storage: a presigned redirect to a real S3-compatible server."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from portal.hub.models import Carrier, Download
from portal.releases import actions, importing
from tests.gateway import processes
from tests.hub.conftest import HUB, WEIGHTS, bearer_of
from tests.storage import storage

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]
FILE = f"{HUB}/model.safetensors"


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """A server with one bucket."""
    folder = tmp_path_factory.mktemp("s3")
    (folder / "weights").mkdir()
    with storage(folder) as made:
        yield made


@pytest.fixture(scope="module")
def portal(django_db_setup, bucket, tmp_path_factory):
    """The portal that delivers from it; it has no copy of the bytes itself."""
    variables = bucket.variables() | {
        "WEIGHTS_ROOT": tmp_path_factory.mktemp("empty"), "WEIGHTS_DELIVERY": "bucket",
        "WEIGHTS_BUCKET": "s3://weights/blobs", "PORTAL_URL": "http://127.0.0.1:{port}",
    }  # fmt: skip
    with processes.portal(**variables) as address:
        yield address


@pytest.fixture
def revision(transactional_db, settings, store_root, bucket, *, release, directory):
    bucket.use(settings)
    settings.WEIGHTS_BUCKET = "s3://weights/blobs"
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)
    work.refresh_from_db()
    assert work.error == ""
    return release.current_revision()


@pytest.fixture
def token(ada) -> str:
    return bearer_of(ada)["Authorization"].removeprefix("Bearer ")


def curl(token, url, *arguments):
    command = ["curl", "-sS", "-H", f"Authorization: Bearer {token}", *arguments, url]
    return subprocess.run(command, capture_output=True, timeout=60, check=True).stdout


def test_a_head_is_answered_and_never_redirected(portal, revision, token):
    said = curl(token, portal + FILE, "-I").decode()

    assert said.startswith("HTTP/1.1 200")
    assert f"content-length: {len(WEIGHTS)}" in said
    assert f"x-repo-commit: {revision.commit}" in said


def test_a_get_leads_to_the_bucket_whole_and_in_part(portal, bucket, revision, token):
    head = curl(token, portal + FILE, "-o", os.devnull, "-D", "-").decode()
    location = next(line for line in head.splitlines() if line.startswith("location: "))
    whole = curl(token, portal + FILE, "-L")
    part = curl(token, portal + FILE, "-L", "-r", "100-199")

    assert head.startswith("HTTP/1.1 302")
    assert "cache-control: no-store" in head
    assert urlsplit(location.removeprefix("location: ")).netloc == urlsplit(bucket.url).netloc
    assert "X-Amz-Expires=300" in location
    assert token not in location
    assert (whole, part) == (WEIGHTS, WEIGHTS[100:200])
    first, *_, last = Download.objects.order_by("pk")
    assert (first.carrier, first.sent_bytes, first.ended_at) == (
        Carrier.BUCKET,
        len(WEIGHTS),
        first.started_at,
    )
    assert last.spans == [[100, 199]]


def test_the_link_of_the_bucket_cannot_be_altered(portal, revision, token):
    location = curl(token, portal + FILE, "-o", os.devnull, "-w", "%{redirect_url}").decode()
    other = revision.files.get(path="config.json").sha256
    sha256 = revision.files.get(path="model.safetensors").sha256

    altered = location.replace(f"{sha256[:2]}/{sha256}", f"{other[:2]}/{other}")

    assert altered != location
    said = subprocess.run(
        ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", altered], capture_output=True, check=True
    )
    assert said.stdout == b"403"


def test_mallory_gets_no_link_of_the_bucket(portal, revision, mallory):
    token = bearer_of(mallory)["Authorization"].removeprefix("Bearer ")

    head = curl(token, portal + FILE, "-o", os.devnull, "-D", "-").decode()

    assert head.startswith("HTTP/1.1 403")
    assert "location:" not in head


def test_hf_downloads_by_way_of_the_bucket(portal, revision, token, tmp_path):
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "HF_ENDPOINT": f"{portal}/hub", "HF_TOKEN": token,
        "HF_HUB_DISABLE_XET": "1",
    }  # fmt: skip
    hf = Path(sys.executable).with_name("hf")

    done = subprocess.run(
        [str(hf), "download", "open-weights/tiny", "--local-dir", str(tmp_path / "got")],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got" / "model.safetensors").read_bytes() == WEIGHTS
    assert {one.carrier for one in Download.objects.all()} == {Carrier.BUCKET}
