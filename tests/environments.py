"""Environments of their own for programs that the portal is tested with and does not use itself."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from portal.local.vllm import cache_folder

INSTALL_SECONDS = 300


@dataclass(frozen=True)
class Environment:
    """What a list under requirements/ names, installed."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def command(self, name: str) -> Path:
        """A program that was installed."""
        return self.folder / "bin" / name


def environment(name: str) -> Environment:
    """The environment of requirements/`name`.txt, made from that hashed lock if it is not there."""
    lock = Path(settings.BASE_DIR) / "requirements" / f"{name}.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256(lock.read_bytes() + version.encode()).hexdigest()[:12]
    folder = cache_folder() / f"{name}-{key}"
    done = folder / "installed"
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "environments.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv = [str(Path(sys.executable).with_name("uv"))]
            run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
            python = str(folder / "bin" / "python")
            run([*uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(lock)])
            done.touch()
    return Environment(folder)


def run(command: list[str]) -> None:
    """Run a step of the installation, and say loudly when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    assert done.returncode == 0, f"AN ENVIRONMENT COULD NOT BE MADE: {done.stderr[-2000:]}"
