"""The model's weights: into a release, and out again through the portal's own door to the model server."""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from portal.local import processes
from portal.local.home import Home
from portal.local.supervisor import Supervisor
from portal.local.trouble import Trouble
from portal.local.vllm import SERVED_NAME, HubModel, Vllm

REPOSITORY = f"open-weights/{SERVED_NAME}"
# What `standalone/fetch.py` ends with.
KEY_REFUSED, GATE_SHUT, NO_REVISION = 3, 4, 5
COMMIT = re.compile(r"commit ([0-9a-f]{40})")
PROGRESS = re.compile(r"progress (\d+) (\d+)")

# Called with the bytes that are there and the bytes that will be.
Progress = Callable[[int, int], Awaitable[None]]


class Weights:
    """The demonstration's weights, at the Hub `endpoint` of this very portal.

    The commit and the key are kept under the home, so that a later start asks Django for neither.
    """

    def __init__(self, vllm: Vllm, supervisor: Supervisor, home: Home, *, endpoint: str) -> None:
        self.vllm = vllm
        self.supervisor = supervisor
        self.home = home
        self.endpoint = endpoint
        # Named for the files' own version: other files are another commit.
        self.commit_file = home.model / f"{vllm.model.parent.name}.commit"

    @property
    def is_fetched(self) -> bool:
        """Whether an earlier start has downloaded them. The door is asked all the same."""
        commit = _read(self.commit_file)
        return bool(commit) and self.source(commit, "").snapshot.is_dir()

    @property
    def is_registered(self) -> bool:
        """Whether an earlier start has registered them as a revision."""
        return bool(_read(self.commit_file))

    def source(self, commit: str, token: str) -> HubModel:
        """The weights at `commit`, as the model server names them with its key."""
        home = self.home.model / "huggingface"
        return HubModel(self.endpoint, REPOSITORY, commit, token, home)

    async def fetch(self, env: dict[str, str], *, on_progress: Progress) -> HubModel:
        """Download what is missing, through every gate; `env` is that of the portal's own commands.

        A key or a revision that the portal does not know (any more) is made anew, once. Raises Trouble
        with one sentence when a gate is shut or the portal does not answer: also when all is in the cache.
        """
        commit = _read(self.commit_file) or await self._register(env)
        source = self.source(commit, _read(self.home.model_token) or await self._new_token(env))
        status, last = await self._try(source, on_progress)
        if status == KEY_REFUSED:
            source = replace(source, token=await self._new_token(env))
            status, last = await self._try(source, on_progress)
        if status == NO_REVISION:
            source = replace(source, commit=await self._register(env))
            status, last = await self._try(source, on_progress)
        if status in {KEY_REFUSED, GATE_SHUT, NO_REVISION}:
            raise Trouble(f"The portal refuses the model server its weights: {last}")
        if status:
            raise Trouble(f"The model server could not download its weights from the portal: {last}")
        return source

    async def _try(self, source: HubModel, on_progress: Progress) -> tuple[int, str]:
        async def listen(line: str) -> None:
            if found := PROGRESS.fullmatch(line):
                await on_progress(int(found[1]), int(found[2]))

        return await self.supervisor.run(self.vllm.fetching(source), on_line=listen)

    async def _register(self, env: dict[str, str]) -> str:
        """Register the model's files as a revision of the demonstration's release; its commit."""
        command = processes.manage(env, "import_weights", SERVED_NAME, str(self.vllm.model))
        status, last = await self.supervisor.run(command)
        found = COMMIT.search(last)
        if status or not found:
            raise Trouble(f"The model's weights could not be registered as a release's: {last}")
        self.commit_file.write_text(f"{found[1]}\n")
        return found[1]

    async def _new_token(self, env: dict[str, str]) -> str:
        """Have a key of the model server made, and read it from the file that only this user can read."""
        command = processes.manage(env, "seed_demo", "--model-server", str(self.home.model_token))
        status, last = await self.supervisor.run(command)
        token = _read(self.home.model_token)
        if status or not token:
            raise Trouble(last or "The model server got no key.")
        return token


def _read(path: Path) -> str:
    """The one line of a file; empty when there is none."""
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    return ""
