"""An environment for each generation of the Hub's client: they differ in what they ask and show."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from portal.local.vllm import cache_folder

GENERATIONS = ("0.36", "1", "2")
INSTALL_SECONDS = 300


@dataclass(frozen=True)
class Environment:
    """One generation, installed."""

    generation: str
    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def hf(self) -> Path:
        """Its command."""
        return self.folder / "bin" / "hf"


def environment(generation: str) -> Environment:
    """The environment of `generation`, made from its hashed lock if it is not there."""
    lock = Path(settings.BASE_DIR) / "requirements" / f"hub-{generation}.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256(lock.read_bytes() + version.encode()).hexdigest()[:12]
    folder = cache_folder() / f"hub-{generation}-{key}"
    done = folder / "installed"
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "clients.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv = [str(Path(sys.executable).with_name("uv"))]
            run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
            python = str(folder / "bin" / "python")
            run([*uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(lock)])
            done.touch()
    return Environment(generation, folder)


def run(command: list[str]) -> None:
    """Run a step of the installation, and say loudly when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    assert done.returncode == 0, f"A CLIENT'S ENVIRONMENT COULD NOT BE MADE: {done.stderr[-2000:]}"
