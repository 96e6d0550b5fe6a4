"""How much the gateway adds: the same requests straight to a model server and through the portal, in one run.

    .venv/bin/python -m benchmarks.gateway [--requests 2000] [--streams 64] [--peers name=URL ...]

Needs DATABASE_URL (a throw-away database with the portal's tables) and REDIS_URL. Starts a model
server that answers at once, and the portal under uvicorn; the portal has core 0 to itself, the
load and the model server share core 1. Figures on shared machines are worth no more than their
ratios in one run, and processor time a request is the one to trust. Fails nothing; prints a table.
"""

import argparse
import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import django

from benchmarks.load import Target, at_once, side_by_side, streams

DIRECTORY = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Row:
    """What was measured."""

    name: str
    cpu_us: float
    rate: float
    json_ms: list[float]
    first_ms: list[float]
    tokens_per_second: float
    memory_mb: float


def processor_seconds(pid: int) -> float:
    if not pid:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid: int) -> float:
    if not pid:
        return 0.0
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


async def measure(targets: list[Target], options: argparse.Namespace) -> list[Row]:
    plain = await side_by_side(targets, options.requests // 4, stream=False)
    streamed = await side_by_side(targets, options.requests // 10, stream=True)
    rows = []
    for target in targets:
        before = processor_seconds(target.pid)
        rate = await at_once(target, options.requests, 16)
        used = processor_seconds(target.pid) - before
        rows.append(
            Row(
                name=target.name,
                cpu_us=used / options.requests * 1e6,
                rate=rate,
                json_ms=[whole for _, whole in plain[target.name]],
                first_ms=[first for first, _ in streamed[target.name]],
                tokens_per_second=await streams(target, options.streams),
                memory_mb=memory_mb(target.pid),
            )
        )
    return rows


def show(rows: list[Row]) -> None:
    direct = rows[0]
    heads = (
        "",
        "µs CPU/req",
        "req/s",
        "+JSON ms p50/p95",
        "+first ms p50/p95",
        "tokens/s",
        "of direct",
        "MB",
    )
    line = "{:<10} {:>11} {:>8} {:>17} {:>18} {:>9} {:>9} {:>6}"
    print(line.format(*heads))
    for row in rows:
        added = [
            " / ".join(f"{quantile(values, at) - quantile(base, at):.2f}" for at in (50, 95))
            for values, base in ((row.json_ms, direct.json_ms), (row.first_ms, direct.first_ms))
        ]
        ratio = f"{row.tokens_per_second / direct.tokens_per_second:.3f}"
        cpu, memory = (f"{number:.0f}" if number else "-" for number in (row.cpu_us, row.memory_mb))
        print(
            line.format(
                row.name, cpu, f"{row.rate:.0f}", *added, f"{row.tokens_per_second:.0f}", ratio, memory
            )
        )


def quantile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


@contextlib.contextmanager
def process(core: int, *command: str, **variables: str) -> Iterator[tuple[str, int]]:
    """A process pinned to a core, with its address and its id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = subprocess.Popen(
        [sys.executable, "-m", *(part.format(port=port) for part in command)],
        env=os.environ | variables,
        cwd=DIRECTORY,
    )
    with contextlib.suppress(OSError):
        os.sched_setaffinity(started.pid, {core % (os.cpu_count() or 1)})
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", started.pid
    finally:
        started.terminate()
        started.wait()


def a_key(backend_url: str) -> str:
    """A key for which every gate is open, in the throw-away database."""
    # Django has to be set up before its models can be imported.
    from portal.keys import actions  # noqa: PLC0415
    from portal.keys.models import Scope  # noqa: PLC0415
    from tests import cast  # noqa: PLC0415

    name = f"benchmark-{time.time_ns()}"
    release = cast.release(name)
    release.served_model_name, release.backend_url = "benchmark", backend_url
    # Only the newest release answers to the served name.
    type(release).objects.exclude(pk=release.pk).filter(served_model_name="benchmark").update(
        served_model_name=""
    )
    release.save()
    ada = cast.developer(f"{name}@example.org", release)
    return actions.create(ada, name=name, scopes=[Scope.INFERENCE], by=ada).token


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument(
        "--peers", nargs="*", default=[], metavar="NAME=URL", help="other gateways, already running"
    )
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {1 % (os.cpu_count() or 1)})
    portal = (
        *("uvicorn", "portal.asgi:application", "--loop=uvloop", "--http=httptools", "--log-level=warning"),
        *("--no-access-log", "--timeout-graceful-shutdown=1", "--port={port}"),
    )
    unlimited = {"GATEWAY_REQUESTS_PER_MINUTE": "100000000", "GATEWAY_CONCURRENT_REQUESTS": "4096"}
    with process(1, "benchmarks.upstream", "{port}") as (direct_url, _):
        key = a_key(direct_url)
        with process(0, *portal, **unlimited) as (url, pid):
            targets = [Target("direct", direct_url, key), Target("gateway", url, key, pid)]
            targets += [
                Target(name, at, key) for name, _, at in (peer.partition("=") for peer in options.peers)
            ]
            show(asyncio.run(measure(targets, options)))


if __name__ == "__main__":
    main()
