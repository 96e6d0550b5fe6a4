"""PORTAL_HOME: its folders, the lock that lets one portal run on it, its secrets, and where its parts are."""

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from portal.local.trouble import Trouble

SECRETS = ("SECRET_KEY", "KEY_PEPPER")
# A Unix socket's path holds 107 bytes; the longest name below the folder takes 30 of them.
LONGEST_SOCKET_FOLDER = 70
# A portal that was killed may still be putting its parts away.
LOCK_PATIENCE_SECONDS = 15.0


class Home:
    """The folder that holds everything one portal keeps."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.run = self.root / "run"
        self.services_env = self.run / "services.env"
        self.secrets_env = self.root / "secrets.env"
        self.model = self.root / "model"
        self.signing_key = self.root / "keys" / "signing.pem"
        self.model_token = self.root / "keys" / "model-server.token"
        self.lock_descriptor = -1
        self.sockets = Path()

    def prepare(self) -> None:
        """Make the folders. Raises Trouble when the disk or its permissions do not allow it."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.run.mkdir(exist_ok=True, mode=0o700)
            for name in ("log", "model", "keys"):
                (self.root / name).mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise Trouble(
                f"The portal cannot write to {self.root} ({error.strerror}): "
                "free the disk, mend the permissions, or set PORTAL_HOME to another folder."
            ) from error

    def lock(self) -> None:
        """Hold this home until this process and its leashes are gone. Raises Trouble if another does."""
        descriptor = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = os.pread(descriptor, 20, 0).decode().strip()
                if _lives(holder) or time.monotonic() > deadline:
                    os.close(descriptor)
                    raise Trouble(
                        f"A portal already runs on {self.root} (process {holder}): "
                        "stop it with Ctrl-C in its terminal, or set PORTAL_HOME and PORT to run another."
                    ) from None
                time.sleep(0.2)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self.lock_descriptor = descriptor

    def secrets(self) -> dict[str, str]:
        """The secrets of this home, made on first use in a file that only its owner can read."""
        known = read_env(self.secrets_env)
        missing = [name for name in SECRETS if name not in known]
        if missing:
            known |= {name: secrets.token_urlsafe(48) for name in missing}
            write_env(self.secrets_env, known)
        return known

    def open_sockets(self) -> Path:
        """Make the short folder for Unix sockets, which a long PORTAL_HOME could not hold."""
        base = tempfile.gettempdir()
        if len(base) > LONGEST_SOCKET_FOLDER:
            base = "/tmp"  # noqa: S108 — mkdtemp below makes a fresh folder that only its owner can enter.
        self.sockets = Path(tempfile.mkdtemp(prefix="portal-", dir=base))
        return self.sockets

    def publish(self, services: Mapping[str, str]) -> None:
        """Write where the running parts are, for commands in other terminals."""
        write_env(self.services_env, services)

    def close(self) -> None:
        """Take back what `publish` and `open_sockets` made."""
        with suppress(OSError):
            self.services_env.unlink()
        if self.sockets != Path():
            shutil.rmtree(self.sockets, ignore_errors=True)


def read_env(path: Path) -> dict[str, str]:
    """The values of a file that `write_env` wrote; empty when there is none."""
    with suppress(FileNotFoundError):
        lines = path.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {}


def write_env(path: Path, values: Mapping[str, str]) -> None:
    """Write `values` so that the file is complete at every moment and nobody else can ever read it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    draft.replace(path)


def _lives(process_id: str) -> bool:
    try:
        os.kill(int(process_id), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
