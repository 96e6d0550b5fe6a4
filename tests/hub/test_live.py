"""The door in real processes: curl and hf against uvicorn, memory, and a client that breaks off."""

import asyncio
import hashlib
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from portal.hub.models import Download
from portal.local.preflight import free_port
from portal.releases import actions, importing
from tests import cast
from tests.gateway import processes
from tests.hub.conftest import HUB, WEIGHTS, bearer_of

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]
BIG_BYTES = 400 * 1024 * 1024


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def portal(django_db_setup, shared_store):
    port = free_port()
    variables = {"WEIGHTS_ROOT": shared_store, "PORTAL_URL": f"http://127.0.0.1:{port}"}
    with processes.portal(**variables) as address:
        yield address


@pytest.fixture
def store_root(settings, shared_store) -> Path:
    """The store that the running portal serves from."""
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
    with (folder / "model.safetensors").open("wb") as file:
        file.write(cast.safetensors_head(BIG_BYTES))
        file.truncate(BIG_BYTES)
    work = actions.request_import(release, source=str(folder), by=None, dispatch=False)
    importing.run(work.pk)
    return release.current_revision()


@pytest.fixture
def token(ada) -> str:
    return bearer_of(ada)["Authorization"].removeprefix("Bearer ")


def curl(*arguments):
    return subprocess.run(
        ["curl", "-sS", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def wait_for(is_so):
    deadline = time.monotonic() + 15
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_ada_downloads_with_curl(portal, revision, token, tmp_path):
    got = tmp_path / "got"

    done = curl(
        "-f", "-L", "-H", f"Authorization: Bearer {token}", "-o", str(got), f"{portal}{HUB}/model.safetensors"
    )

    assert done.returncode == 0, done.stderr
    assert got.read_bytes() == WEIGHTS


def test_ada_goes_on_with_curl_after_a_break(portal, revision, token, tmp_path):
    got = tmp_path / "got"
    got.write_bytes(WEIGHTS[:300_000])

    done = curl(
        "-f", "-L", "-C", "-", "-H", f"Authorization: Bearer {token}", "-o", str(got),
        f"{portal}{HUB}/model.safetensors",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert got.read_bytes() == WEIGHTS
    wait_for(lambda: Download.objects.get().ended_at is not None)
    download = Download.objects.get()
    assert (download.spans[0][0], download.sent_bytes) == (300_000, len(WEIGHTS) - 300_000)


def test_mallory_is_refused_by_curl_with_the_gate(portal, revision, mallory):
    headers = bearer_of(mallory)

    done = curl("-i", "-H", f"Authorization: {headers['Authorization']}", f"{portal}{HUB}/model.safetensors")

    assert done.stdout.startswith("HTTP/1.1 403")
    assert '"gate": "approved"' in done.stdout


@pytest.mark.parametrize("path", ["../../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "%00", "..%5c..%5cx"])
def test_a_raw_path_leads_nowhere(portal, revision, token, path):
    done = curl(
        "-o", os.devnull, "-w", "%{http_code}", "--path-as-is", "-H", f"Authorization: Bearer {token}",
        f"{portal}{HUB}/{path}",
    )  # fmt: skip

    assert done.stdout == "404"


def resident_bytes(address: str) -> int:
    """The memory of the process that listens at `address`."""
    port = urlsplit(address).port
    for process in psutil.process_iter(["cmdline"]):
        if f"--port={port}" in (process.info["cmdline"] or ()):
            return int(process.memory_info().rss)
    raise LookupError(address)


def test_a_large_file_leaves_in_bounded_memory(portal, big, token):
    curl(
        "-o",
        os.devnull,
        "-H",
        f"Authorization: Bearer {token}",
        "-r",
        "0-9",
        f"{portal}{HUB}/model.safetensors",
    )
    before, peak = resident_bytes(portal), 0
    running = subprocess.Popen(
        ["curl", "-sSf", "-H", f"Authorization: Bearer {token}", "-o", os.devnull, "-w", "%{size_download}",
         f"{portal}{HUB}/model.safetensors"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    while running.poll() is None:
        peak = max(peak, resident_bytes(portal))
        time.sleep(0.02)

    assert running.stdout.read() == str(BIG_BYTES)
    assert peak - before < 40 * 1024 * 1024


def test_a_client_that_breaks_off_is_recorded_with_what_it_got(portal, big, token):
    parts = urlsplit(portal)
    with socket.create_connection((parts.hostname, parts.port)) as client:
        request = f"GET {HUB}/model.safetensors HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        client.sendall(request.replace("Host: x", f"Host: {parts.netloc}").encode())
        received = 0
        while received < 5_000_000:
            received += len(client.recv(65536))

    wait_for(lambda: Download.objects.filter(ended_at__isnull=False).exists())
    download = Download.objects.get()
    assert 4_000_000 < download.sent_bytes < 40_000_000
    assert download.spans == [[0, BIG_BYTES - 1]]


def test_slow_downloads_leave_the_database_to_others(portal, big, token):
    """More open downloads than the pool has connections, and a page still answers."""
    parts = urlsplit(portal)
    clients = []
    for _ in range(24):
        client = socket.create_connection((parts.hostname, parts.port))
        client.sendall(
            f"GET {HUB}/model.safetensors HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        clients.append(client)
    try:
        for client in clients:
            assert b"200 OK" in client.recv(200)
        done = curl("-o", os.devnull, "-w", "%{http_code}", "-m", "5", f"{portal}/releases/")
        assert done.stdout == "200"
    finally:
        for client in clients:
            client.close()
    wait_for(lambda: Download.objects.filter(ended_at__isnull=False).count() == 24)


def hf(portal, home, *arguments, token=""):
    environment = os.environ | {
        "HF_ENDPOINT": f"{portal}/hub",
        "HF_HOME": str(home),
        "HF_TOKEN": token,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_COLOR": "1",
    }
    command = str(Path(sys.executable).with_name("hf"))
    return subprocess.run(
        [command, *arguments], env=environment, capture_output=True, text=True, timeout=90, check=False
    )


def test_ada_downloads_and_verifies_with_hf(portal, revision, token, tmp_path):
    done = hf(portal, tmp_path, "download", "open-weights/tiny", token=token)
    checked = hf(portal, tmp_path, "cache", "verify", "open-weights/tiny", token=token)

    snapshot = next(tmp_path.glob("hub/*/snapshots/*"))
    assert done.returncode == 0, done.stderr
    assert snapshot.name == revision.commit
    assert hashlib.sha256((snapshot / "model.safetensors").read_bytes()).hexdigest() == (
        revision.files.get(path="model.safetensors").sha256
    )
    assert re.search(r"Verified 4 file", checked.stdout), checked.stdout + checked.stderr


def test_mallory_reads_in_hf_which_gate_is_shut(portal, revision, mallory, tmp_path):
    token = bearer_of(mallory)["Authorization"].removeprefix("Bearer ")

    done = hf(portal, tmp_path, "download", "open-weights/tiny", token=token)

    assert done.returncode != 0
    assert "No programme opens this release yet." in done.stdout + done.stderr


def test_thousands_of_heads_at_once_are_all_answered(portal, revision, token):
    """Eight connections each of fifty people, as their clients open them, and all of one person's key."""
    request = (
        f"HEAD {HUB}/model.safetensors HTTP/1.1\r\nHost: portal\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()
    address = urlsplit(portal)

    async def client() -> list[bytes]:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        seen = []
        for _ in range(10):
            writer.write(request)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
            seen.append(head.partition(b"\r\n")[0])
        writer.close()
        return seen

    async def crowd() -> list[list[bytes]]:
        return await asyncio.gather(*(client() for _ in range(400)))

    answers = [line for lines in asyncio.run(crowd()) for line in lines]

    assert answers == [b"HTTP/1.1 200 OK"] * 4000
    assert not Download.objects.exists()
