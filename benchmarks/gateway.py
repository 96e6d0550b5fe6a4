"""How much the gateway adds: the same requests straight to a model server, and through it and its peers.

    .venv/bin/python -m benchmarks.gateway [--requests 20000] [--without-litellm] [--peers name=URL ...]

Needs DATABASE_URL (a throw-away database with the portal's tables) and REDIS_URL. Starts a model
server that answers at once, nginx as a plain proxy, the portal under uvicorn, and LiteLLM's proxy
in an environment of its own; each proxy runs on core 0, which it has to itself while it is
measured, and the load and the model server share core 1. Figures on shared machines are worth no
more than their ratios in one run, and processor time a request is the one to trust. Fails
nothing; prints tables.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import django

from benchmarks import peers
from benchmarks.load import Target, at_once, side_by_side, streams

STREAMS = (1, 32, 64, 256)
# Crowds come to each in turn, so that a slow minute of the machine hits all of them.
ROUNDS = 5
# LiteLLM answers so few that it is asked fewer times.
SLOW = frozenset({"litellm"})
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Row:
    """What was measured."""

    name: str
    cpu_us: float
    rate: float
    json_ms: list[float]
    first_ms: list[float]
    tokens_per_second: dict[int, float]
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
    plain = await side_by_side(targets, options.requests // 20, stream=False)
    streamed = await side_by_side(targets, options.requests // 50, stream=True)
    crowds: dict[str, list[tuple[float, float]]] = {target.name: [] for target in targets}
    for _ in range(ROUNDS):
        for target in targets:
            crowds[target.name].append(await crowd(target, options.requests // ROUNDS))
    return [
        Row(
            name=target.name,
            cpu_us=statistics.median(cpu_us for cpu_us, _ in crowds[target.name]),
            rate=statistics.median(rate for _, rate in crowds[target.name]),
            json_ms=[whole for _, whole in plain[target.name]],
            first_ms=[first for first, _ in streamed[target.name]],
            tokens_per_second={number: await streams(target, number) for number in STREAMS},
            memory_mb=memory_mb(target.pid),
        )
        for target in targets
    ]


async def crowd(target: Target, count: int) -> tuple[float, float]:
    """Processor time a request in µs, and requests a second, under sixteen clients at once."""
    count = count // 10 if target.name in SLOW else count
    before = processor_seconds(target.pid)
    rate = await at_once(target, count, 16)
    return (processor_seconds(target.pid) - before) / count * 1e6, rate


def show(rows: list[Row]) -> None:
    direct = rows[0]
    line = "{:<10} {:>11} {:>8} {:>17} {:>18} {:>6}"
    print(line.format("", "µs CPU/req", "req/s", "+JSON ms p50/p95", "+first ms p50/p95", "MB"))
    for row in rows:
        added = [
            " / ".join(f"{quantile(values, at) - quantile(base, at):.2f}" for at in (50, 95))
            for values, base in ((row.json_ms, direct.json_ms), (row.first_ms, direct.first_ms))
        ]
        cpu, memory = (f"{number:.0f}" if number else "-" for number in (row.cpu_us, row.memory_mb))
        print(line.format(row.name, cpu, f"{row.rate:.0f}", *added, memory))
    print("\nTokens a second, and of direct:")
    line = "{:<10}" + " {:>16}" * len(STREAMS)
    print(line.format("", *(f"{number} streams" for number in STREAMS)))
    for row in rows:
        told = (
            f"{rate:.0f} ({rate / direct.tokens_per_second[number]:.3f})"
            for number, rate in row.tokens_per_second.items()
        )
        print(line.format(row.name, *told))


def quantile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


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
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--without-litellm", action="store_true")
    parser.add_argument(
        "--peers", nargs="*", default=[], metavar="NAME=URL", help="other gateways, already running"
    )
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {1 % (os.cpu_count() or 1)})
    python = (sys.executable, "-m")
    portal = (
        *(*python, "uvicorn", "portal.asgi:application", "--loop=uvloop", "--no-access-log"),
        *("--http=portal.hub.zerocopy:ZeroCopyProtocol", "--log-level=warning"),
        *("--timeout-graceful-shutdown=1", "--port={port}"),
    )
    # As in production, with the heaps that docs/operations.md names. Every limit is checked, none is reached.
    variables = {
        "DEBUG": "0",
        "MALLOC_ARENA_MAX": "2",
        "GATEWAY_REQUESTS_PER_MINUTE": "100000000",
        "GATEWAY_CONCURRENT_REQUESTS": "4096",
        "GATEWAY_TOKENS_PER_MINUTE": "1000000000000",
        "GATEWAY_TOKENS_PER_DAY": "1000000000000",
    }
    with contextlib.ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        direct_url, _ = running.enter_context(peers.process(1, *python, "benchmarks.upstream", "{port}"))
        key = a_key(direct_url)
        targets = [Target("direct", direct_url, key)]
        started = {
            "nginx": peers.nginx(0, folder, upstream_url=direct_url),
            "gateway": peers.process(0, *portal, variables=variables),
        }
        if not options.without_litellm:
            started["litellm"] = peers.litellm(0, folder, upstream_url=direct_url, key=key)
        for name, peer in started.items():
            url, pid = running.enter_context(peer)
            targets.append(Target(name, url, key, pid))
        targets += [Target(name, at, key) for name, _, at in (one.partition("=") for one in options.peers)]
        show(asyncio.run(measure(targets, options)))


if __name__ == "__main__":
    main()
