"""A real S3-compatible server (rclone) for the tests, a way to it that breaks, and a server that lies."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from portal.local.preflight import free_port

ACCESS_KEY_ID = "PORTALTESTKEY"
SECRET_ACCESS_KEY = "not-a-secret-of-anything"
START_SECONDS = 20


@dataclass(frozen=True)
class Storage:
    """A running server; each folder in `folder` is a bucket."""

    url: str
    folder: Path

    def variables(self, *, url: str = "") -> dict[str, str]:
        """The settings with which the portal finds it, at `url` if there is something in between."""
        return {
            "S3_ENDPOINT_URL": url or self.url,
            "S3_REGION": "us-east-1",
            "S3_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "S3_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "S3_ADDRESSING_STYLE": "path",
        }

    def use(self, settings: Any, *, url: str = "") -> None:
        """Let the portal of this process use it."""
        for name, value in self.variables(url=url).items():
            setattr(settings, name, value)


@contextmanager
def storage(folder: Path, *options: str) -> Iterator[Storage]:
    """Serve the buckets below `folder`; `options` are rclone's."""
    port = free_port()
    # What the tests write into the folder themselves is seen after 5 ms. With 0 its timers use every core.
    command = [
        str(Path(sys.executable).parent / "rclone"), "--config=", "serve", "s3",
        f"--auth-key={ACCESS_KEY_ID},{SECRET_ACCESS_KEY}", f"--addr=127.0.0.1:{port}", "--dir-cache-time=5ms",
        *options, str(folder),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            assert process.poll() is None, "rclone has ended"
            assert time.monotonic() < deadline, "rclone does not listen"
            time.sleep(0.05)
        yield Storage(f"http://127.0.0.1:{port}", folder)
    finally:
        process.terminate()
        process.wait(timeout=10)


@dataclass
class Breaks:
    """Connections that are cut: each that would carry `after_bytes` to the client, while any are left."""

    after_bytes: int
    left: int
    at_each: Callable[[], Any] = lambda: None
    done: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_due(self, carried_bytes: int) -> bool:
        """Whether a connection breaks now; whatever shall happen at a break has happened then."""
        with self.lock:
            if carried_bytes < self.after_bytes or not self.left:
                return False
            self.left -= 1
            self.done += 1
            self.at_each()
            return True


@contextmanager
def breaking(url: str, breaks: Breaks) -> Iterator[str]:
    """A way to the server at `url` on which connections break; gives its own address."""
    target = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        is_over = threading.Event()

        def accept() -> None:
            while not is_over.is_set():
                with suppress(TimeoutError):
                    client, _ = listener.accept()
                    threading.Thread(target=_carry, args=(client, target, breaks), daemon=True).start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            is_over.set()
            accepting.join()


def _carry(client: socket.socket, target: Any, breaks: Breaks) -> None:
    with client, socket.create_connection((target.hostname, target.port)) as server:
        upwards = threading.Thread(target=_pump, args=(client, server), daemon=True)
        upwards.start()
        _pump(server, client, breaks)
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        upwards.join()


def _pump(source: socket.socket, target: socket.socket, breaks: Breaks | None = None) -> None:
    carried = 0
    with suppress(OSError):
        while data := source.recv(64 * 1024):
            carried += len(data)
            if breaks is not None and breaks.is_due(carried):
                return
            target.sendall(data)


@contextmanager
def lying(keys: Iterable[str]) -> Iterator[str]:
    """A server whose every bucket lists `keys`, such as no file system could hold."""
    items = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>2</Size><ETag>&quot;e&quot;</ETag></Contents>"
        for key in keys
    )
    page = f"<ListBucketResult><IsTruncated>false</IsTruncated>{items}</ListBucketResult>".encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
