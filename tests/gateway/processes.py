"""Real processes for the gateway's tests: the portal under uvicorn, and the small model server."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import urlopen

from django.conf import settings
from django.db import connection

from portal.local.parts import Leash
from portal.local.preflight import free_port
from portal.local.valkey import Valkey

START_SECONDS = 40


@contextmanager
def portal(
    *, log: Path | None = None, started: list[subprocess.Popen[bytes]] | None = None, **variables: object
) -> Iterator[str]:
    """The portal on the tests' database and Valkey, writing its log to a file; gives its address.

    `{port}` in one of the variables becomes the port that it listens on. Its process is added to `started`.
    """
    with _process(
        "uvicorn",
        "portal.asgi:application",
        "--loop=uvloop",
        "--http=portal.hub.zerocopy:ZeroCopyProtocol",
        "--timeout-graceful-shutdown=1",
        "--log-level=warning",
        "--port={port}",
        path="/healthz",
        log=log,
        variables={**environment(), **variables},
        started=started,
    ) as address:
        yield address


def environment() -> dict[str, str]:
    """The variables that lead a process of the portal to the tests' database and Valkey."""
    url = urlsplit(settings.DATABASE_URL)
    database = urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))
    return {"DATABASE_URL": database, "REDIS_URL": settings.REDIS_URL, "DEBUG": "1"}


@contextmanager
def upstream(*, port: int | None = None) -> Iterator[str]:
    """The small model server, on `port` or one that is free; gives its address."""
    with _process(
        "tests.gateway.upstream", "{port}", path="/state", log=None, variables={}, port=port
    ) as address:
        yield address


@contextmanager
def _process(
    module: str,
    *arguments: str,
    path: str,
    log: Path | None,
    variables: dict[str, object],
    started: list[subprocess.Popen[bytes]] | None = None,
    port: int | None = None,
) -> Iterator[str]:
    port = port or free_port()
    command = [sys.executable, "-m", module, *(argument.format(port=port) for argument in arguments)]
    variables_of_process = os.environ | {
        name: str(value).replace("{port}", str(port)) for name, value in variables.items()
    }
    output = log.open("ab") if log else None
    process = subprocess.Popen(
        command,
        env=variables_of_process,
        cwd=settings.BASE_DIR,
        stdout=output,
        stderr=subprocess.STDOUT if log else None,
    )
    if started is not None:
        started.append(process)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(process, address + path)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=15)
        if output:
            output.close()


@contextmanager
def running(valkey: Valkey) -> Iterator[None]:
    """A Valkey, while it lasts."""
    leash = Leash(valkey.prepare())
    until = time.monotonic() + START_SECONDS
    try:
        while not valkey.answers():
            assert time.monotonic() < until, "Valkey did not start."
            time.sleep(0.02)
        yield
    finally:
        leash.stop()


def _wait_for(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, "The process ended as it started."
        # Any answer will do.
        with suppress(URLError, OSError):
            with suppress(HTTPError):
                urlopen(url, timeout=2).close()
            return
        time.sleep(0.1)
    raise TimeoutError(url)
