"""What the door costs a download: nginx alone, nginx with the door in front, and the portal's own server.

    .venv/bin/python -m benchmarks.downloads [--bytes 2147483648] [--rounds 3] [--heads 20000]

Needs DATABASE_URL (a throw-away database with the portal's tables) and REDIS_URL, and room for the
file twice. The servers share core 0, the load has core 1. The load throws the bytes away in the
kernel, so that a ratio says something of the servers. Every case is measured in turn in every
round, the ratio is to nginx alone in the same case, and the median round counts. Prints tables and
fails nothing. Figures on shared machines are worth no more than their ratios in one run.
"""

import argparse
import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import django
import httptools
import psutil

from benchmarks.gateway import quantile
from benchmarks.load import Call
from benchmarks.peers import process

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.conf import settings  # noqa: E402

from portal.accounts.models import User  # noqa: E402
from portal.keys import actions as keys  # noqa: E402
from portal.local.preflight import free_port  # noqa: E402
from portal.releases import actions, importing  # noqa: E402
from portal.releases.models import WeightFile  # noqa: E402
from tests import cast  # noqa: E402
from tests.hub.nginx import binary, configuration  # noqa: E402

GIB = 1024**3
PARTS = 8
USERS, WORKERS = 50, 8
DOOR = (
    *(sys.executable, "-m", "uvicorn", "portal.asgi:application", "--loop=uvloop"),
    *("--http=portal.hub.zerocopy:ZeroCopyProtocol",),
    *("--log-level=warning", "--no-access-log", "--timeout-graceful-shutdown=1", "--port={port}"),
)


@dataclass
class Server:
    """What is measured: where, and the processes whose time and memory count."""

    name: str
    url: str
    pids: list[int]

    def seconds(self) -> float:
        times = [psutil.Process(pid).cpu_times() for pid in self.pids]
        return float(sum(one.user + one.system for one in times))

    def memory_mb(self) -> float:
        return float(sum(psutil.Process(pid).memory_info().rss for pid in self.pids) / 1024**2)


@dataclass
class Case:
    """So many connections, each of which asks for the whole file or all of them for its parts."""

    name: str
    connections: int
    in_ranges: bool
    rates: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)


def fetch(url: str, key: str, spans: list[tuple[int, int] | None]) -> int:
    """Ask for each span (None: the whole) over one connection and throw the bytes away; return how many."""
    at = urlsplit(url)
    count, nowhere = 0, bytearray(4 * 1024**2)
    with socket.create_connection((at.hostname or "", at.port or 80)) as connection:
        for span in spans:
            wanted = f"Range: bytes={span[0]}-{span[1]}\r\n" if span else ""
            head = (
                f"GET {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {key}\r\n{wanted}\r\n"
            )
            connection.sendall(head.encode())
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(1)
            if not answer.startswith(b"HTTP/1.1 206" if span else b"HTTP/1.1 200"):
                raise RuntimeError(answer.decode("latin-1"))
            left = int(answer.lower().partition(b"content-length:")[2].split()[0])
            count += left
            while left:
                # tcp(7): with MSG_TRUNC the kernel throws the bytes away without a copy.
                got = connection.recv_into(nowhere, min(left, len(nowhere)), socket.MSG_TRUNC)
                if not got:
                    raise RuntimeError("The server ended the download.")
                left -= got
    return count


def run(server: Server, case: Case, key: str, size_bytes: int) -> None:
    part = size_bytes // PARTS
    parts: list[tuple[int, int] | None] = [
        (number * part, (number + 1) * part - 1) for number in range(PARTS)
    ]
    each: list[list[tuple[int, int] | None]] = [[None]] * case.connections
    if case.in_ranges:
        each = [parts[number :: case.connections] for number in range(case.connections)]
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda spans: counts.append(fetch(server.url, key, spans)), args=(spans,))
        for spans in each
    ]
    before, began = server.seconds(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    case.rates.setdefault(server.name, []).append(sum(counts) / took / 1e9)
    case.cpu.setdefault(server.name, []).append((server.seconds() - before) / (sum(counts) / GIB))


def show(cases: list[Case], servers: list[Server]) -> None:
    line = "{:<26} {:<18} {:>8} {:>10} {:>12} {:>8}"
    print(line.format("", "", "GB/s", "of nginx", "CPU s/GiB", "of nginx"))
    base = servers[0].name
    for case in cases:
        for server in servers:
            rates, cpu = case.rates[server.name], case.cpu[server.name]
            ratio = statistics.median(a / b for a, b in zip(rates, case.rates[base], strict=True))
            cpu_ratio = statistics.median(a / b for a, b in zip(cpu, case.cpu[base], strict=True))
            print(
                line.format(
                    case.name,
                    server.name,
                    f"{statistics.median(rates):.2f}",
                    f"{ratio:.2f}",
                    f"{statistics.median(cpu):.2f}",
                    f"{cpu_ratio:.2f}",
                )
            )
    for server in servers:
        print(f"{server.name}: {server.memory_mb():.0f} MB")


async def heads(url: str, tokens: list[str], count: int) -> tuple[list[float], list[float]]:
    """The milliseconds of HEADs by USERS people with WORKERS connections each, all at once.

    The first of each connection, for which the door asks the database, and the others.
    """
    at = urlsplit(url)

    async def worker(token: str) -> list[float]:
        loop = asyncio.get_running_loop()
        _, call = await loop.create_connection(HeadCall, at.hostname or "", at.port or 80)
        request = f"HEAD {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
        return [(await call.ask(request.encode()))[1] for _ in range(count // (USERS * WORKERS))]

    took = await asyncio.gather(*(worker(token) for token in tokens for _ in range(WORKERS)))
    return [times[0] for times in took], [time for times in took for time in times[1:]]


class HeadCall(Call):
    """A call whose answers have a length and no body."""

    def on_headers_complete(self) -> None:
        self.on_message_complete()

    def data_received(self, data: bytes) -> None:
        # httptools waits for the body that the length announces, so each answer has a fresh parser.
        self.parser = httptools.HttpResponseParser(self)
        self.parser.feed_data(data)


@contextlib.contextmanager
def nginx(root: Path, *, upstream_port: int) -> Iterator[tuple[int, int, list[int]]]:
    """deploy/nginx.conf without TLS, and the bare files at another port; both ports, and the processes."""
    port, bare_port = free_port(), free_port()
    text = configuration(root, upstream_port=upstream_port, port=port, store=Path(settings.WEIGHTS_ROOT))
    lines = [line.replace(" ssl;", ";") for line in text.splitlines() if not line.strip().startswith("ssl_")]
    bare = (
        f"server {{ listen 127.0.0.1:{bare_port}; location / {{ alias {settings.WEIGHTS_ROOT}/sha256/; }} }}"
    )
    text = "\n".join(lines).replace("worker_processes auto", "worker_processes 1").rstrip()
    (root / "nginx.conf").write_text(f"{text.removesuffix('}')}\n{bare}\n}}\n")
    started = subprocess.Popen(
        [str(binary()), "-p", str(root), "-c", str(root / "nginx.conf"), "-g", "daemon off;"]
    )
    try:
        time.sleep(1)
        workers = [child.pid for child in psutil.Process(started.pid).children()]
        for pid in workers:
            os.sched_setaffinity(pid, {0})
        yield port, bare_port, workers
    finally:
        started.terminate()
        started.wait()


def a_file(folder: Path, size_bytes: int) -> tuple[WeightFile, str]:
    """A file of so many bytes, imported, and the name of its release."""
    name = f"benchmark-{time.time_ns()}"
    release = cast.release(name)
    folder.mkdir()
    with (folder / "model.safetensors").open("wb") as file:
        head = cast.safetensors_head(size_bytes)
        file.write(head)
        left = size_bytes - len(head)
        while left:
            left -= file.write(os.urandom(min(left, 16 * 1024**2)))
    work = actions.request_import(release, source=str(folder), by=None, dispatch=False)
    importing.run(work.pk)
    work.refresh_from_db()
    assert work.revision is not None, work.error
    return work.revision.files.get(), release.hub_id


def a_key(user: User) -> str:
    return keys.create(user, name="benchmark", scopes=["weights"], by=user).token


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bytes", type=int, default=2 * GIB)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--heads", type=int, default=20_000)
    options = parser.parse_args()
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {1 % (os.cpu_count() or 1)})
    with tempfile.TemporaryDirectory(prefix="downloads-") as folder:
        root = Path(folder)
        settings.WEIGHTS_ROOT = root / "store"
        measure(root, options)


def measure(root: Path, options: argparse.Namespace) -> None:
    file, hub_id = a_file(root / "model", options.bytes)
    release = file.revision.release
    people = [cast.developer(f"{time.time_ns()}@example.org", release) for _ in range(USERS)]
    tokens = [a_key(person) for person in people]
    path = f"/hub/{hub_id}/resolve/main/{file.path}"
    variables = {"WEIGHTS_ROOT": str(settings.WEIGHTS_ROOT), "DOWNLOAD_BYTES_PER_DAY": str(10**15)}
    behind = {"WEIGHTS_DELIVERY": "nginx", "TRUSTED_PROXIES": "127.0.0.1"}
    cases = [
        Case(f"{count} connection{'s' if count > 1 else ''}, {word}", count, in_ranges=word == "in ranges")
        for count in (1, 8)
        for word in ("whole", "in ranges")
    ]
    with (
        process(0, *DOOR, variables=variables) as (own_url, own_pid),
        process(0, *DOOR, variables=variables | behind) as (gate_url, gate_pid),
        nginx(root, upstream_port=urlsplit(gate_url).port or 0) as (port, bare_port, workers),
    ):
        bare = f"http://127.0.0.1:{bare_port}/{file.sha256[:2]}/{file.sha256}"
        servers = [
            Server("nginx alone", bare, workers),
            Server("nginx, gated", f"http://127.0.0.1:{port}{path}", [*workers, gate_pid]),
            Server("the portal alone", own_url + path, [own_pid]),
        ]
        for server in servers:
            fetch(server.url, tokens[0], [None])
        for _ in range(options.rounds):
            for case in cases:
                for server in servers:
                    run(server, case, tokens[0], options.bytes)
        show(cases, servers)
        first, others = asyncio.run(heads(own_url + path, tokens, options.heads))
        print(f"HEAD by {USERS} people with {WORKERS} connections each, all at once, without a pause:")
        for name, times in (("the first", first), ("the others", others)):
            print(f"{name}: p50 {quantile(times, 50):.0f} ms, p99 {quantile(times, 99):.0f} ms")
        print(f"{USERS * WORKERS / statistics.mean(others) * 1000:.0f} a second")


if __name__ == "__main__":
    main()
