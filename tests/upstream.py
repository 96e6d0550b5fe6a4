"""A small model server with OpenAI's wire that misbehaves on demand, as a real model cannot be made to.

Run as `python -m tests.upstream PORT`. What it does stands in the last message: `words=20 pause=0.05`
says w0 … w19 with pauses; `die=3` cuts the connection behind three words, `hang=3` falls silent there,
`error=3` sends vLLM's error in mid-stream, `status=500` refuses, `first=2` is slow to begin,
`prompt=3000` claims to be so long, `stamps=1` says the time instead of
words, `words=1 echo=1` what it was told.
"""

import asyncio
import json
import re
import sys
import time
from typing import Any

from aiohttp import web

CONTEXT = 2048


class Upstream:
    """The server's state: how many requests run, and how many clients left before the end."""

    def __init__(self) -> None:
        self.running = 0
        self.aborted = 0
        self.bodies: list[dict[str, Any]] = []

    def app(self) -> web.Application:
        app = web.Application(client_max_size=10_000_000, handler_args={"handler_cancellation": True})
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_post("/tokenize", self.tokenize)
        app.router.add_get("/health", self.health)
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/state", self.state)
        return app

    async def health(self, _: web.Request) -> web.Response:
        return web.Response()

    async def metrics(self, _: web.Request) -> web.Response:
        return web.Response(text=f'vllm:num_requests_running{{engine="0",model_name="m"}} {self.running}.0\n')

    async def state(self, _: web.Request) -> web.Response:
        return web.json_response({"running": self.running, "aborted": self.aborted, "bodies": self.bodies})

    async def tokenize(self, request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response({"count": _count(body), "max_model_len": CONTEXT})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        wants = _wants(body)
        if status := int(wants.get("status", 0)):
            return web.json_response({"error": {"message": "no", "code": status}}, status=status)
        count = _count(body)
        if count + body["max_tokens"] > CONTEXT:
            message = f"This model's maximum context length is {CONTEXT} tokens. However, you asked for more."
            return web.json_response({"error": {"message": message, "code": 400}}, status=400)
        self.running += 1
        is_whole = False
        try:
            response = await self._say(request, body, wants, count)
            is_whole = True
            return response
        finally:
            self.running -= 1
            self.aborted += not is_whole

    async def _say(
        self, request: web.Request, body: dict[str, Any], wants: dict[str, str], count: int
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await asyncio.sleep(float(wants.get("first", 0)))
        pause, words = float(wants.get("pause", 0)), int(wants.get("words", 5))
        said = min(words, body["max_tokens"])
        for number in range(said):
            if number == int(wants.get("die", -1)):
                assert request.transport is not None
                request.transport.abort()
                return response
            if number == int(wants.get("hang", -1)):
                await asyncio.sleep(3_600)
            if number == int(wants.get("error", -1)):
                await response.write(b'data: {"error": {"message": "boom", "code": 500}}\n\n')
                return response
            word = f"{time.time():.6f} " if "stamps" in wants else f"w{number} "
            if "echo" in wants:
                word = body["messages"][-1]["content"][number::said]
            await self._chunk(response, {"content": word}, None, count, number + 1)
            await asyncio.sleep(pause)
        await self._chunk(response, {}, "stop" if said == words else "length", count, said)
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _chunk(
        self, response: web.StreamResponse, delta: dict[str, str], reason: str | None, prompt: int, said: int
    ) -> None:
        chunk = {
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
            "usage": {"prompt_tokens": prompt, "completion_tokens": said},
        }
        await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")


def _wants(body: dict[str, Any]) -> dict[str, str]:
    return dict(re.findall(r"(\w+)=([\d.]+)", body["messages"][-1]["content"]))


def _count(body: dict[str, Any]) -> int:
    return int(_wants(body).get("prompt", 0)) or sum(
        len(message["content"].split()) for message in body["messages"]
    )


if __name__ == "__main__":
    web.run_app(Upstream().app(), host="127.0.0.1", port=int(sys.argv[1]), print=None, shutdown_timeout=0.5)
