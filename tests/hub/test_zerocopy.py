"""uvicorn with files sent by the kernel: held to what a client sees, and to the version it reaches into."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from io import FileIO
from pathlib import Path

import psutil
import pytest

from portal.hub import zerocopy
from portal.local.preflight import free_port

pytestmark = pytest.mark.live
SIZE = 30 * 1024 * 1024


async def application(scope, receive, send):
    """Sends parts of the file that FILE names: `/FIRST-COUNT`, between two pieces of its own."""
    path, sent = os.environ["FILE"], []
    first, count = map(int, scope["path"].strip("/").split("-"))
    said = str(count + 2).encode() if "short" not in scope["query_string"].decode() else b"1"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", said)]})
    await send({"type": "http.response.body", "body": b"<", "more_body": True})
    with FileIO(path) as file:
        message = {"file": file, "offset": first, "count": count, "on_sent": sent.append}
        try:
            await send({"type": zerocopy.EXTENSION, **message})
        finally:
            Path(path).with_suffix(".sent").write_text(str(sum(sent)))
    if scope["query_string"] == b"cut":
        raise ConnectionAbortedError
    await send({"type": "http.response.body", "body": b">", "more_body": False})


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("zerocopy") / "file"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def port(request, file):
    number = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "tests.hub.test_zerocopy:application", "--lifespan", "off"),
            *("--http", "portal.hub.zerocopy:ZeroCopyProtocol", "--loop", request.param),
            *("--port", str(number), "--log-level", "critical"),
        ],
        env=os.environ | {"FILE": str(file)},
    )
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", number)) == 0:
                    break
            time.sleep(0.05)
        yield number
    finally:
        process.terminate()
        process.wait(timeout=10)


def curl(port, path, *arguments):
    return subprocess.run(
        ["curl", "-sS", *arguments, f"http://127.0.0.1:{port}{path}"],
        capture_output=True, timeout=30, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("first", "count"), [(0, SIZE), (0, 0), (1, 1), (1_000_000, 12_345_678)])
def test_a_client_gets_the_very_bytes_in_their_place(port, file, first, count):
    done = curl(port, f"/{first}-{count}")

    assert done.returncode == 0
    assert done.stdout == b"<" + file.read_bytes()[first : first + count] + b">"
    assert file.with_suffix(".sent").read_text() == str(count)


def test_a_connection_is_kept_for_the_next_request(port, file):
    two = [f"http://127.0.0.1:{port}/0-10", f"http://127.0.0.1:{port}/20-{SIZE // 2}"]

    done = subprocess.run(
        ["curl", "-sS", "-w", "%{num_connects}", *two], capture_output=True, timeout=30, check=True
    )

    data = file.read_bytes()
    assert done.stdout == b"<" + data[:10] + b">1<" + data[20 : 20 + SIZE // 2] + b">0"


def test_a_slow_client_gets_all_of_it(port, file):
    done = curl(port, f"/0-{SIZE}", "--limit-rate", "20M")

    assert done.stdout == b"<" + file.read_bytes() + b">"


def test_a_client_that_leaves_is_counted_as_far_as_it_came(port, file):
    curl(port, f"/0-{SIZE}", "--limit-rate", "1M", "--max-time", "1", "-o", os.devnull)

    time.sleep(0.5)
    assert 0 < int(file.with_suffix(".sent").read_text()) < SIZE


def test_an_answer_that_is_cut_looks_cut(port):
    assert curl(port, f"/0-{SIZE}?cut", "-o", os.devnull).returncode in (18, 56)


def test_more_than_was_announced_is_not_sent(port):
    done = curl(port, "/0-1000?short")

    assert done.stdout in (b"", b"<")


def test_a_file_that_shrank_ends_the_connection(port):
    assert curl(port, f"/{SIZE - 10}-1000", "-o", os.devnull).returncode in (18, 56)


def test_descriptors_are_given_back(port):
    [process] = [one for one in psutil.process_iter(["cmdline"]) if is_server(one, port)]
    before = process.num_fds()

    for _ in range(20):
        curl(port, f"/0-{SIZE}", "--max-time", "0.05", "--limit-rate", "10M", "-o", os.devnull)

    time.sleep(0.5)
    assert process.num_fds() <= before


def is_server(process, port) -> bool:
    command = process.info["cmdline"] or []
    return "--port" in command and str(port) in command


@pytest.mark.alone
def test_many_slow_clients_do_not_hold_a_fast_one_up(port, file):
    slow = ["curl", "-sS", "--limit-rate", "100k", "-o", os.devnull, f"http://127.0.0.1:{port}/0-{SIZE}"]
    running = [subprocess.Popen(slow, stderr=subprocess.DEVNULL) for _ in range(60)]
    try:
        time.sleep(1)
        began = time.monotonic()

        done = curl(port, f"/0-{SIZE}")

        assert len(done.stdout) == SIZE + 2
        assert time.monotonic() - began < 5
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_the_protocol_still_has_what_is_reached_into():
    assert asyncio.iscoroutinefunction(zerocopy.RequestResponseCycle.send)
    for name in ("_start_asgi_task", "connection_made", "connection_lost"):
        assert callable(getattr(zerocopy.HttpToolsProtocol, name))
