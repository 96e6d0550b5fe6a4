"""Runs the examples of the API's page as a reader would: curl, Python, and JavaScript where node is."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from playground.reference.examples import Language, examples_in
from portal.local.vllm import cache_folder

MANIFEST = Path(__file__).with_name("javascript")
RUN_SECONDS = 300


def run_example(
    language: Language, topic: str, *, base_url: str, model: str, key: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run one example in `folder`, with the key where the page says that it belongs."""
    example = next(
        one for one in examples_in(language, model=model, base_url=base_url) if one.topic.name == topic
    )
    return run_code(language, example.code, key=key, folder=folder)


def run_code(language: Language, code: str, *, key: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an example's code in `folder`, with the key where the page says that it belongs."""
    folder.mkdir(exist_ok=True)
    if language is Language.CURL:
        command = ["bash", "-euo", "pipefail", "-c", code]
    elif language is Language.PYTHON:
        command = [sys.executable, "-c", code]
    else:
        (folder / "node_modules").symlink_to(javascript_packages())
        (folder / "example.mjs").write_text(code)
        command = ["node", "example.mjs"]
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"OPENAI_API_KEY": key},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )


def require(language: Language) -> None:
    """Skip the test where nothing runs `language`."""
    program = {Language.CURL: "curl", Language.PYTHON: sys.executable, Language.JAVASCRIPT: "npm"}[language]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed here.")


def javascript_packages() -> Path:
    """The folder with OpenAI's client for JavaScript, installed from the hashed lock on first use."""
    lock = MANIFEST / "package-lock.json"
    folder = cache_folder() / f"openai-js-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    done = folder / "installed"
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "environments.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(MANIFEST, folder)
            installing = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            told = subprocess.run(
                installing, cwd=folder, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
            )
            assert told.returncode == 0, f"OPENAI'S CLIENT FOR NODE COULD NOT BE INSTALLED: {told.stderr}"
            done.touch()
    return folder / "node_modules"
