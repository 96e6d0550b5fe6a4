"""Install the portal's packages into .venv from hash-locked lists; called by make as `install.py app|dev`.

Skips in milliseconds what is installed already. Parses on old Pythons, to tell them in one sentence that they
are old. Standard library only.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from typing import NoReturn

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "installed.json")
LOG = os.path.join(ROOT, ".cache", "install.log")
OLDEST, NEWEST = (3, 11), (3, 13)
ROOM_BYTES = 10**9
NETWORK_SIGNS = (
    "from versions: none",
    "resolve",
    "connect",
    "Connection",
    "timed out",
    "Timeout",
    "ProxyError",
    "network",
)


def main(wanted: str) -> None:
    """Install the list `wanted`; "dev" holds everything that "app" does."""
    covered = {"app": ["app"], "dev": ["app", "dev"]}[wanted]
    locks = {name: digest(lock_of(name)) for name in covered}
    if locks[wanted] == stamp().get(wanted):
        return
    os.makedirs(os.path.dirname(LOG), exist_ok=True)
    require_room()
    if not works(PYTHON):
        make_environment(suitable_python())
    print("Installing Python packages (requirements/{}.txt) into .venv".format(wanted), flush=True)
    if not install_with_uv(wanted):
        run_or_leave(pip("install", "--require-hashes", "--no-deps", "-r", lock_of(wanted)))
    with open(STAMP, "w") as file:
        json.dump(dict(locks, root=ROOT), file)


def stamp() -> "dict[str, str]":
    """What is installed here: the digest of each list. A checkout that was moved starts afresh."""
    try:
        with open(STAMP) as file:
            known = json.load(file)
    except (OSError, ValueError):
        return {}
    return known if known.get("root") == ROOT else {}


def suitable_python() -> str:
    """The path of a Python that the portal runs on: this one, or one found beside it."""
    for name in (sys.executable, "python3.13", "python3.12", "python3.11"):
        path = shutil.which(name)
        if path and OLDEST <= version_of(path) <= NEWEST:
            return path
    return leave(
        "The portal needs Python 3.11, 3.12 or 3.13 and `{}` is {}.{}: install one of them, "
        "or name it, for example `make run PYTHON=/path/to/python3.12`.".format(
            sys.executable, *sys.version_info[:2]
        )
    )


def version_of(python: str) -> "tuple[int, ...]":
    """(major, minor) of the interpreter at `python`, or () when it does not run."""
    asked = subprocess.run(
        [python, "-c", "import sys; print(*sys.version_info[:2])"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return tuple(map(int, asked.stdout.split())) if asked.returncode == 0 else ()


def make_environment(python: str) -> None:
    """Make .venv afresh with `python`."""
    shutil.rmtree(VENV, ignore_errors=True)
    if logged([python, "-m", "venv", VENV]) != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        leave(
            "A virtual environment could not be made with {}: install Python's venv package "
            "(on Debian and Ubuntu: apt install python3-venv) and run the same command again.".format(python)
        )


def install_with_uv(wanted: str) -> bool:
    """Install with uv, which takes seconds; whether that worked. uv does not read pip's own configuration."""
    uv = os.path.join(VENV, "bin", "uv")
    if logged(pip("install", "--require-hashes", "--no-deps", "-r", lock_of("uv"))) != 0:
        return False
    return (
        logged(
            [uv, "pip", "install", "--quiet", "--python", PYTHON, "--require-hashes", "-r", lock_of(wanted)]
        )
        == 0
    )


def pip(*arguments: str) -> "list[str]":
    """The command line of pip within .venv."""
    return [PYTHON, "-m", "pip", *arguments, "--quiet", "--no-input", "--disable-pip-version-check"]


def run_or_leave(command: "list[str]") -> None:
    """Run `command`, and end with one sentence if it fails."""
    if logged(command) == 0:
        return
    with open(LOG, errors="replace") as file:
        said = file.read()
    lines = (
        [line for line in said.splitlines() if "error" in line.lower()] or said.splitlines() or ["no reason"]
    )
    if "No space left on device" in said:
        leave("The disk became full during the installation: free 1 GB and run the same command again.")
    if any(sign in said for sign in NETWORK_SIGNS):
        leave("Packages could not be downloaded: check the network and run the same command again.")
    leave("Packages could not be installed: {} (all of it: {})".format(lines[-1].strip(), LOG))


def logged(command: "list[str]") -> int:
    """Run `command` with its output kept in LOG; its exit status."""
    with open(LOG, "w") as file:
        return subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT).returncode


def works(python: str) -> bool:
    """Whether .venv holds an interpreter that starts, is of a fitting version and belongs to this folder."""
    if not os.path.exists(python) or not OLDEST <= version_of(python) <= NEWEST:
        return False
    belongs = subprocess.run(
        [python, "-m", "pip", "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return belongs.returncode == 0


def require_room() -> None:
    """End with one sentence when the disk is too full."""
    free = shutil.disk_usage(ROOT).free
    if free < ROOM_BYTES:
        leave("The disk of {} has {:.1f} GB free and 1 GB is needed: free some.".format(ROOT, free / 10**9))


def lock_of(name: str) -> str:
    """The path of the list `name`."""
    return os.path.join(ROOT, "requirements", name + ".txt")


def digest(path: str) -> str:
    """What a list holds, in short."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def leave(sentence: str) -> "NoReturn":
    """End with one sentence and no trace."""
    sys.stderr.write(sentence + "\n")
    sys.exit(1)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        leave("Stopped; the same command goes on where it was.")
    except OSError as error:
        leave("The portal could not be installed: {}".format(error))
