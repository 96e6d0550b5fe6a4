"""The portal over https in a process of its own, which a test may kill and start again."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import trustme
from django.conf import settings

from portal.local.preflight import free_port
from tests.gateway import processes

START_SECONDS = 40


class TlsPortal:
    """uvicorn with TLS at one port; `authority` is what its clients must trust."""

    def __init__(self, root: Path, **variables: object) -> None:
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.authority = root / "ca.pem"
        self.log = root / "portal.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._root = root
        self._variables = {name: str(value) for name, value in variables.items()}
        made = trustme.CA()
        made.cert_pem.write_to_path(str(self.authority))
        certificate = made.issue_cert("127.0.0.1")
        certificate.private_key_and_cert_chain_pem.write_to_path(str(root / "server.pem"))

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [
            *(sys.executable, "-m", "uvicorn", "portal.asgi:application", "--loop=uvloop"),
            *("--http=portal.hub.zerocopy:ZeroCopyProtocol", "--timeout-graceful-shutdown=1"),
            *("--log-level=warning", f"--port={self.port}", f"--ssl-certfile={self._root / 'server.pem'}"),
        ]
        environment = os.environ | processes.environment() | {"PORTAL_URL": self.url} | self._variables
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, cwd=settings.BASE_DIR, stdout=log, stderr=log
            )
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log.read_text()
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise TimeoutError(self.url)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it, if it was started."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=15)
