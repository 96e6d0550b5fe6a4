"""Install vLLM for the CPU into a virtual environment of its own, from hash-locked lists.

Called as `python install_vllm.py DIRECTORY REQUIREMENTS`. It ends with status 0, or with 3 and one sentence
as its last line. What was done stays, so a second run goes on where the first one stopped. Standard library
only.
"""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

GIB = 1024**3
# Installed size and what pip keeps of the downloads, with torch's CPU build and with the registry's.
CPU_ROOM_BYTES = 4 * GIB
REGISTRY_ROOM_BYTES = 11 * GIB
FAILED = 3
REMEDY = "free some, set PORTAL_CACHE to another disk, or set VLLM_BASE_URL; then start again."
NETWORK_SIGNS = (
    "NewConnectionError",
    "NameResolutionError",
    "Temporary failure in name resolution",
    "Max retries exceeded",
    "Read timed out",
    "ReadTimeoutError",
    "ConnectTimeoutError",
    "Connection aborted",
    "ConnectionResetError",
    "IncompleteRead",
    "ProxyError",
    # What pip says of a pinned package when no index answered.
    "(from versions: none)",
)


class InstallationError(Exception):
    """The installation cannot go on; `str()` of it is the sentence for a person."""


def main(target: Path, requirements: Path) -> None:
    """Bring `target` to the state that the lists under `requirements` describe."""
    target.mkdir(parents=True, exist_ok=True)
    with (target.parent / f"{target.name}.lock").open("w") as lock:
        # Two portals may share a cache; the second one waits and finds the work done.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (target / "complete").is_file():
            return
        python = _environment(target)
        _install_torch(python, target, requirements)
        _install(python, target, requirements / "vllm.txt")
        if _is_for_gpus(python):
            _install(python, target, requirements / "vllm-gpu-libraries.txt")
        (target / "complete").touch()


def _environment(target: Path) -> Path:
    python = target / "bin" / "python"
    if not python.is_file():
        _require_room(target, CPU_ROOM_BYTES)
        made = subprocess.run(
            [sys.executable, "-m", "venv", str(target)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise InstallationError(
                "The virtual environment for vLLM could not be made: install Python's venv package."
            )
    return python


def _install_torch(python: Path, target: Path, requirements: Path) -> None:
    """Take torch's CPU build where pip finds it, else the registry's, which needs GPU libraries."""
    done = _pip(python, target, requirements / "vllm-torch-cpu.txt")
    if done.returncode == 0:
        return
    _raise_if_full(target, done.stdout + done.stderr)
    _require_room(target, REGISTRY_ROOM_BYTES)
    print(
        "torch's CPU build is not where pip looks (set PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS to save 4 GB); "
        "taking the registry's build.",
        flush=True,
    )
    _install(python, target, requirements / "vllm-torch.txt")


def _install(python: Path, target: Path, listed: Path) -> None:
    done = _pip(python, target, listed)
    if done.returncode == 0:
        return
    said = done.stdout + done.stderr
    (target.parent / f"{target.name}.log").write_text(said)
    _raise_if_full(target, said)
    if any(sign in said for sign in NETWORK_SIGNS):
        raise InstallationError(
            "vLLM could not be downloaded: check the network and start again; it goes on where it stopped."
        )
    errors = [line for line in said.splitlines() if line.startswith("ERROR")]
    reason = errors[-1].removeprefix("ERROR: ") if errors else f"pip ended with status {done.returncode}"
    raise InstallationError(
        f"vLLM could not be installed: {reason} (all of it: {target.parent / target.name}.log)"
    )


def _raise_if_full(target: Path, said: str) -> None:
    if "No space left on device" in said:
        raise InstallationError(
            f"The disk became full while vLLM was being installed under {target.parent}: {REMEDY}"
        )


def _pip(python: Path, target: Path, listed: Path) -> "subprocess.CompletedProcess[str]":
    """Run pip, which honours the user's own configuration of indexes, on one list. The lists are complete."""
    return subprocess.run(
        [
            *(str(python), "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-input"),
            *("--disable-pip-version-check", "--progress-bar", "off", "--requirement", str(listed)),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=target,
    )


def _is_for_gpus(python: Path) -> bool:
    """Whether the installed torch links GPU libraries, which it then needs even where no GPU is."""
    asked = subprocess.run(
        [
            str(python),
            "-c",
            "from importlib.metadata import requires; print(any('nvidia' in r for r in requires('torch')))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return asked.stdout.strip() == "True"


def _require_room(target: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(target).free
    if free < needed_bytes:
        raise InstallationError(
            f"The disk is too full to install vLLM ({free / GIB:.1f} GB are free under {target.parent}, "
            f"{needed_bytes / GIB:.0f} GB are needed): {REMEDY}"
        )


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
    except InstallationError as failure:
        print(failure, flush=True)
        sys.exit(FAILED)
    except OSError as error:
        print(f"vLLM could not be installed: {error}", flush=True)
        sys.exit(FAILED)
