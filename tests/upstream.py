"""A small model server with OpenAI's wire that misbehaves on demand, as a real model cannot be made to.

Run as `python -m tests.upstream PORT`. What it does stands in the last message: `words=20 pause=0.05`
says w0 … w19 with pauses; `die=3` cuts the connection behind three words, `hang=3` falls silent there,
`error=3` sends vLLM's error in mid-stream, `status=500` refuses, `first=2` is slow to begin,
`prompt=3000` claims to be so long, `stamps=1` says the time instead of
words, `words=1 echo=1` what it was told, `call=2` calls that many tools. Tokens are words.
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
        self.known: list[str] = []

    def app(self) -> web.Application:
        app = web.Application(client_max_size=10_000_000, handler_args={"handler_cancellation": True})
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_post("/v1/completions", self.chat)
        app.router.add_post("/tokenize", self.tokenize)
        app.router.add_post("/detokenize", self.detokenize)
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
        self.known = _prompt(body).split()
        tokens = list(range(len(self.known)))
        return web.json_response({"count": _count(body), "max_model_len": CONTEXT, "tokens": tokens})

    async def detokenize(self, request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response({"prompt": " ".join(self.known[token] for token in body["tokens"])})

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
                word = (body.get("prompt") or body["messages"][-1]["content"])[number::said]
            await self._chunk(response, _said(body, word), None, count, number + 1)
            await asyncio.sleep(pause)
        for number in range(int(wants.get("call", 0))):
            # In pieces, as vLLM does.
            name = {"index": number, "id": f"call-{number}", "type": "function", "function": {"name": "add"}}
            await self._chunk(response, {"delta": {"tool_calls": [name]}}, None, count, said)
            for piece in ('{"a": ', "1}"):
                more = {"index": number, "function": {"arguments": piece}}
                await self._chunk(response, {"delta": {"tool_calls": [more]}}, None, count, said)
        reason = "tool_calls" if "call" in wants else "stop" if said == words else "length"
        await self._chunk(response, {"delta": {}}, reason, count, said)
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _chunk(
        self, response: web.StreamResponse, told: dict[str, Any], reason: str | None, prompt: int, said: int
    ) -> None:
        chunk = {
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, **told, "finish_reason": reason}],
            "usage": {"prompt_tokens": prompt, "completion_tokens": said},
        }
        await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")


def _said(body: dict[str, Any], word: str) -> dict[str, Any]:
    """One word as a choice tells it, with its probability where it is asked for."""
    if "prompt" in body:
        logprobs = {"tokens": [word], "token_logprobs": [-0.2], "top_logprobs": [{word: -0.2, "other": -1.8}]}
        return {"text": word} | ({"logprobs": logprobs} if body.get("logprobs") else {})
    top = [{"token": word, "logprob": -0.2}, {"token": "other", "logprob": -1.8}]
    content = [{"token": word, "logprob": -0.2, "top_logprobs": top}]
    return {"delta": {"content": word}} | ({"logprobs": {"content": content}} if body.get("logprobs") else {})


def _prompt(body: dict[str, Any]) -> str:
    """All that the model is told, as a chat template would put it."""
    if "prompt" in body:
        return str(body["prompt"])
    return "\n".join(f"<{message['role']}> {message['content'] or ''}" for message in body["messages"])


def _wants(body: dict[str, Any]) -> dict[str, str]:
    last = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
    return dict(re.findall(r"(\w+)=([\d.]+)", last))


def _count(body: dict[str, Any]) -> int:
    if claimed := int(_wants(body).get("prompt", 0)):
        return claimed
    if "prompt" in body:
        return len(body["prompt"].split())
    return sum(len((message["content"] or "").split()) for message in body["messages"])


if __name__ == "__main__":
    web.run_app(Upstream().app(), host="127.0.0.1", port=int(sys.argv[1]), print=None, shutdown_timeout=0.5)
