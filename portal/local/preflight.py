"""What must hold before anything starts: room on the disk, a free port, a processor that vLLM can use."""

import contextlib
import errno
import os
import platform
import random
import shutil
import socket
from pathlib import Path

from portal.local.trouble import Trouble

GIB = 1024**3
# PostgreSQL's write-ahead log, Valkey's log and a day of portal logs.
ROOM_TO_RUN_BYTES = GIB // 2
HIGHEST_PORT = 65535
# Below /proc/sys/net/ipv4/ip_local_port_range as Linux has it, and above most services'.
OWN_PORTS = range(20_000, 32_000)


def require_room(home: Path, *, free_bytes: int | None = None) -> None:
    """Raise Trouble when the disk is too full to keep data safely. `free_bytes` None means: look."""
    free = shutil.disk_usage(home).free if free_bytes is None else free_bytes
    if free < ROOM_TO_RUN_BYTES:
        raise Trouble(
            f"The disk of {home} has {free / GIB:.1f} GB free and the portal needs "
            f"{ROOM_TO_RUN_BYTES / GIB:.1f} GB: free some, or set PORTAL_HOME to a folder on another disk."
        )


def require_port(host: str, port: int) -> None:
    """Raise Trouble when the web server could not listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OverflowError:
            raise Trouble(f"PORT={port} is no port: choose a number from 1024 to 65535.") from None
        except OSError as error:
            raise Trouble(_why_not(host, port, error)) from error


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < HIGHEST_PORT else 8000
        return (
            f"Port {port} is in use by another program: stop that program, or choose another port, "
            f"for example `PORT={other} make run`."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs root: choose one from 1024 up, for example `PORT=8000 make run`."
    return f"The portal cannot listen on {host} port {port} ({error.strerror}): set HOST_ADDRESS and PORT."


def free_port() -> int:
    """A loopback port that nobody listens on now, and that Linux gives to nobody who asks for any.

    One of those that it gives could be another process's before it is used here.
    """
    for port in random.sample(OWN_PORTS, len(OWN_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise Trouble("No port is free on this machine: stop what listens on thousands of them.")


def cpu_features() -> frozenset[str]:
    """What this processor can do, in Linux's words; empty where Linux does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return frozenset(flags.partition(":")[2].split())


def why_no_model(*, features: frozenset[str], machine: str = "", system: str = "") -> str:
    """One sentence on why vLLM cannot run on this machine; empty when it can."""
    system, machine = system or platform.system(), machine or platform.machine()
    remedy = "set VLLM_BASE_URL to a vLLM server on another machine to use the playground."
    if system != "Linux" or machine not in {"x86_64", "aarch64"}:
        return f"vLLM's CPU build is for Linux on x86-64 or ARM64 and this is {system} on {machine}: {remedy}"
    if machine == "x86_64" and "avx2" not in features:
        return f"This processor lacks AVX2, which vLLM's CPU build needs: {remedy}"
    return ""


def best_dtype(features: frozenset[str]) -> str:
    """The number format in which this processor generates fastest: bfloat16 where it computes in it natively.

    Measured with SmolLM2-135M on two cores with AVX512-BF16: 22.5 tokens/s in bfloat16, 16.2 in float32.
    """
    return "bfloat16" if features & {"avx512_bf16", "amx_bf16", "bf16"} else "float32"


def cores() -> list[int]:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
