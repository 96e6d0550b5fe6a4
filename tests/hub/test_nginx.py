"""The door behind the real nginx: X-Accel-Redirect with ranges and TLS, its log, its limits, its cuts."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings

from portal.hub import links
from portal.hub.models import Carrier, Download
from portal.keys import actions as keys
from portal.keys.models import ApiKey
from portal.local.preflight import free_port
from portal.releases import actions, importing
from tests import cast
from tests.gateway import processes
from tests.hub.conftest import HUB, WEIGHTS, bearer_of
from tests.hub.nginx import nginx
from tests.hub.test_live import wait_for

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]
FILE = f"{HUB}/model.safetensors"
BIG_BYTES = 300 * 1024 * 1024
SIZE = len(WEIGHTS)


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def served(django_db_setup, shared_store, tmp_path_factory):
    """Nginx before the portal."""
    port = free_port()
    variables = {
        "WEIGHTS_ROOT": shared_store, "WEIGHTS_DELIVERY": "nginx", "PORTAL_URL": f"https://127.0.0.1:{port}",
        "TRUSTED_PROXIES": "127.0.0.1", "SECURE_PROXY_SSL_HEADER": "true",
    }  # fmt: skip
    with processes.portal(**variables) as address:
        upstream_port = int(address.rpartition(":")[2])
        root = tmp_path_factory.mktemp("nginx")
        with nginx(root, upstream_port=upstream_port, port=port, store=shared_store) as made:
            yield made


@pytest.fixture
def store_root(settings, shared_store) -> Path:
    """The store that nginx serves from."""
    settings.WEIGHTS_ROOT = shared_store
    return shared_store


@pytest.fixture
def revision(transactional_db, store_root, release, directory):
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)
    return release.current_revision()


@pytest.fixture
def big(transactional_db, store_root, release, tmp_path):
    """A release with one large file, sparse on disk."""
    folder = tmp_path / "big"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(cast.safetensors(2000))
    with (folder / "weights.npz").open("wb") as file:
        file.truncate(BIG_BYTES)
    work = actions.request_import(release, source=str(folder), by=None, dispatch=False)
    importing.run(work.pk)
    return release.current_revision()


@pytest.fixture
def token(ada) -> str:
    return bearer_of(ada)["Authorization"].removeprefix("Bearer ")


def curl(served, token, path, *arguments):
    """Curl's headers and body; it trusts the tests' authority only."""
    command = ["curl", "-sS", "-i", "--cacert", str(served.ca_file), "-H", f"Authorization: Bearer {token}"]
    done = subprocess.run(
        [*command, *arguments, served.url + path], capture_output=True, timeout=60, check=True
    )
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    headers = {name.lower(): value for name, value in pairs}
    return int(status.split()[1]), headers, body


def logged(served, download_id):
    """The line of nginx's log for this download, once it is written."""
    found = []

    def is_there():
        lines = served.log_file.read_text().splitlines() if served.log_file.exists() else []
        found[:] = [one for one in map(json.loads, lines) if one["download"] == str(download_id)]
        return bool(found)

    wait_for(is_there)
    return found[0]


def test_ada_gets_the_file_from_nginx_with_the_portals_headers(served, revision, token):
    status, headers, body = curl(served, token, FILE)

    assert (status, body) == (200, WEIGHTS)
    assert headers["etag"] == f'"{hashlib.sha256(WEIGHTS).hexdigest()}"'
    assert headers["x-repo-commit"] == revision.commit
    assert headers["content-length"] == str(SIZE)
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith('attachment; filename="model.safetensors"')
    assert headers["cache-control"] == "private, no-cache, no-transform"
    assert len(headers["x-request-id"]) == 32
    assert not {"x-accel-redirect", "x-download-id", "x-download-user"} & set(headers)
    download = Download.objects.get()
    assert (download.carrier, download.asked_bytes, download.address) == (Carrier.NGINX, SIZE, "127.0.0.1")
    assert len(download.connection.split()) == 4
    line = logged(served, download.pk)
    assert (line["sent"], line["status"]) == (SIZE, 200)


def test_a_head_through_nginx_is_the_doors_own(served, revision, token):
    status, headers, body = curl(served, token, FILE, "-I")

    assert (status, body) == (200, b"")
    assert headers["content-length"] == str(SIZE)
    assert headers["x-repo-commit"] == revision.commit
    assert not Download.objects.exists()


@pytest.mark.parametrize(
    ("asked", "status", "content_range"),
    [
        ("bytes=0-9", 206, f"bytes 0-9/{SIZE}"),
        (f"bytes={SIZE - 5}-", 206, f"bytes {SIZE - 5}-{SIZE - 1}/{SIZE}"),
        ("bytes=-7", 206, f"bytes {SIZE - 7}-{SIZE - 1}/{SIZE}"),
        (f"bytes={SIZE}-", 416, f"bytes */{SIZE}"),
        ("bytes=0-,0-", 200, None),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(65)), 200, None),
    ],
)
def test_nginx_and_the_door_understand_ranges_alike(served, revision, token, *, asked, status, content_range):
    got, headers, body = curl(served, token, FILE, "-H", f"Range: {asked}")

    assert got == status
    assert headers.get("content-range") == content_range
    if status == 206:
        download = Download.objects.get()
        first, last = download.spans[0]
        assert body == WEIGHTS[first : last + 1]
        assert logged(served, download.pk)["sent"] == len(body)
    elif status == 200:
        assert body == WEIGHTS


def test_several_ranges_through_nginx_are_parts(served, revision, token):
    status, headers, body = curl(served, token, FILE, "-H", "Range: bytes=0-9,100-109")

    assert status == 206
    assert headers["content-type"].startswith("multipart/byteranges")
    assert WEIGHTS[100:110] in body
    assert Download.objects.get().spans == [[0, 9], [100, 109]]


def test_if_range_counts_with_the_same_tag_only(served, revision, token):
    etag = f'"{hashlib.sha256(WEIGHTS).hexdigest()}"'

    same = curl(served, token, FILE, "-H", "Range: bytes=0-9", "-H", f"If-Range: {etag}")
    other = curl(served, token, FILE, "-H", "Range: bytes=0-9", "-H", 'If-Range: "0"')

    assert (same[0], same[2]) == (206, WEIGHTS[:10])
    assert (other[0], other[2]) == (200, WEIGHTS)


def test_what_the_client_has_is_304(served, revision, token):
    etag = f'"{hashlib.sha256(WEIGHTS).hexdigest()}"'

    assert curl(served, token, FILE, "-H", f"If-None-Match: {etag}")[0] == 304
    assert not Download.objects.exists()


def test_mallory_is_refused_through_nginx_by_name(served, revision, mallory):
    token = bearer_of(mallory)["Authorization"].removeprefix("Bearer ")

    status, headers, body = curl(served, token, FILE)

    assert (status, headers["x-error-code"]) == (403, "GatedRepo")
    assert json.loads(body)["gate"] == "approved"
    assert headers["x-hf-warning"].startswith("access; ")


@pytest.mark.parametrize("path", ["/_weights/", "/_weights/../", "/hub/../_weights/", "/%5fweights/"])
def test_nobody_reaches_the_store_but_through_the_door(served, revision, token, path):
    sha256 = hashlib.sha256(WEIGHTS).hexdigest()

    status, _, body = curl(served, token, f"{path}{sha256[:2]}/{sha256}", "--path-as-is")

    assert status == 404
    assert WEIGHTS[:100] not in body


def test_nobody_forges_the_proxys_headers(served, revision, token):
    forged = (
        "-H",
        "X-Forwarded-For: 6.6.6.6",
        "-H",
        "X-Connection: 6.6.6.6 1 6.6.6.6 2",
        "-H",
        "Range: bytes=0-1",
    )

    curl(served, token, FILE, *forged)

    download = Download.objects.get()
    assert download.address == "127.0.0.1"
    assert "6.6.6.6" not in download.connection


def test_one_person_has_so_many_connections_at_once(served, big, token):
    path = f"{HUB}/weights.npz"
    command = ["curl", "-sS", "--cacert", str(served.ca_file), "-H", f"Authorization: Bearer {token}"]
    slow = [*command, "--limit-rate", "10k", "-o", os.devnull, served.url + path]
    running = [subprocess.Popen(slow, stderr=subprocess.DEVNULL) for _ in range(32)]
    try:
        wait_for(lambda: Download.objects.count() == 32)
        time.sleep(0.5)

        status, _, _ = curl(served, token, path, "-r", "0-9")

        assert status == 429
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ss"), reason="needs ss and CAP_NET_ADMIN, as root has"
)
def test_a_download_that_nginx_carries_is_ended_within_a_second(served, big, token, tmp_path):
    database = processes.environment()
    cutter = subprocess.Popen(
        [sys.executable, "manage.py", "cut_downloads"],
        env=os.environ | database | {"WEIGHTS_ROOT": str(settings.WEIGHTS_ROOT)},
        cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert cutter.stdout is not None
    cutter.stdout.readline()
    command = ["curl", "-sS", "--cacert", str(served.ca_file), "-H", f"Authorization: Bearer {token}"]
    client = subprocess.Popen(
        [*command, "--limit-rate", "20M", "-o", os.devnull, f"{served.url}{HUB}/weights.npz"]
    )
    try:
        wait_for(Download.objects.exists)
        download = Download.objects.get()
        time.sleep(0.5)

        keys.revoke(ApiKey.objects.get(), by=None)

        wait_for(lambda: Download.objects.get().cut_reason)
        line = logged(served, download.pk)
        assert 0 < line["sent"] < BIG_BYTES
        assert float(line["msec"]) - ApiKey.objects.get().revoked_at.timestamp() < 1
        assert client.wait(timeout=10) in (18, 56)
    finally:
        for process in (client, cutter):
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()


def test_a_signed_link_works_through_nginx_and_stays_out_of_its_log(served, revision, ada, token, settings):
    settings.PORTAL_URL = served.url
    made = links.create(revision.files.get(path="model.safetensors"), by=ada, address=None)

    done = subprocess.run(
        ["curl", "-sS", "-f", "--cacert", str(served.ca_file), "-r", "0-99", made.url],
        capture_output=True, check=True,
    )  # fmt: skip

    assert done.stdout == WEIGHTS[:100]
    wait_for(lambda: "/hub/links/-" in (served.log_file.parent / "access.log").read_text())
    secret = made.url.split("/")[-2]
    assert secret not in (served.log_file.parent / "access.log").read_text()


def test_eight_parallel_readers_get_the_same_bytes(served, revision, token):
    with ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda _: curl(served, token, FILE)[2], range(16)))

    assert set(bodies) == {WEIGHTS}
