"""A small model server with OpenAI's wire and vLLM's manners, deterministic and naughty on demand.

Run as `python -m tests.gateway.upstream PORT`. What it does stands in the last message or the
prompt: `words=20 pause=0.05` says w0 … w19 with pauses, `die=3` cuts the connection behind three
words, `silent=1` tells a stream's usage at its end only, `status=500` refuses with `message=…`,
`first=2` waits for two seconds before anything. Every request is remembered and told at `/state`,
and what it counted at `/counters`.
"""

import asyncio
import json
import re
import sys
from typing import Any

from aiohttp import web

JSON = dict[str, Any]
CONTEXT_TOKENS = 32_768
PROMPT_TOKENS = 7
TYPED = ("/v1/responses", "/v1/messages")


class Upstream:
    """The server's state: what was asked, and how many clients left before the end."""

    def __init__(self) -> None:
        self.seen: list[JSON] = []
        self.running = 0
        self.aborted = 0
        self.said = 0
        # As vLLM's own counters have them.
        self.prompt_tokens = 0
        self.generation_tokens = 0

    def app(self) -> web.Application:
        app = web.Application(client_max_size=50_000_000, handler_args={"handler_cancellation": True})
        app.router.add_get("/state", self.state)
        app.router.add_get("/counters", self.counters)
        app.router.add_get("/v1/models", self.models)
        app.router.add_post("/v1/chat/completions", self.complete)
        app.router.add_post("/v1/completions", self.complete)
        app.router.add_post("/v1/responses", self.complete)
        app.router.add_post("/v1/messages", self.complete)
        app.router.add_post("/v1/embeddings", self.missing)
        app.router.add_get("/health", self.health)
        # Everything else that vLLM offers answers here, so that a hole in the gateway would show.
        app.router.add_route("*", "/{path:.*}", self.open_door)
        return app

    async def state(self, _: web.Request) -> web.Response:
        told = {"seen": self.seen, "running": self.running, "aborted": self.aborted, "said": self.said}
        return web.json_response(told)

    async def counters(self, _: web.Request) -> web.Response:
        told = {
            "running": self.running,
            "requests": len(self.seen),
            "prompt_tokens": self.prompt_tokens,
            "generation_tokens": self.generation_tokens,
        }
        return web.json_response(told)

    async def models(self, _: web.Request) -> web.Response:
        model = {"id": "tiny-served", "object": "model", "max_model_len": CONTEXT_TOKENS}
        return web.json_response({"object": "list", "data": [model]})

    async def health(self, _: web.Request) -> web.Response:
        # The gateway asks by itself, so that it is neither seen nor counted.
        return web.Response()

    async def missing(self, _: web.Request) -> web.Response:
        return web.json_response({"detail": "Not Found"}, status=404)

    async def open_door(self, request: web.Request) -> web.Response:
        self.seen.append({"path": request.path})
        return web.json_response({"open": request.path})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.seen.append(
            {
                "path": request.path,
                "body": raw.decode(),
                "headers": {name.lower(): value for name, value in request.headers.items()},
            }
        )
        body = json.loads(raw)
        try:
            wants = _wants(body)
        except (AttributeError, KeyError, IndexError, TypeError):
            return _refusal(400, "The request has no prompt.")
        self.running += 1
        is_whole = False
        try:
            await asyncio.sleep(float(wants.get("first", 0)))
            response = await self._answer(request, body, wants)
            is_whole = True
            return response
        finally:
            self.running -= 1
            self.aborted += not is_whole

    async def _answer(self, request: web.Request, body: JSON, wants: dict[str, str]) -> web.StreamResponse:
        if status := int(wants.get("status", 0)):
            return _refusal(status, wants.get("message", "no"))
        words = int(wants.get("words", 5))
        self.prompt_tokens += PROMPT_TOKENS
        usage = {
            "prompt_tokens": PROMPT_TOKENS,
            "total_tokens": PROMPT_TOKENS + words,
            "completion_tokens": words,
        }
        if request.path in TYPED:
            return await self._typed(request, body, wants, words)
        if body.get("stream"):
            return await self._stream(request, body, wants, usage)
        self.generation_tokens += words
        text = " ".join(f"w{number}" for number in range(words))
        if "die" in wants:
            response = web.StreamResponse(
                headers={"Content-Type": "application/json", "Content-Length": "9999"}
            )
            await response.prepare(request)
            await response.write(b'{"id": "cut')
            request.transport.abort()
            return response
        choice: JSON = {"index": 0, "finish_reason": "stop"}
        if request.path == "/v1/completions":
            kind, choice["text"] = "text_completion", text
        else:
            kind, choice["message"] = "chat.completion", {"role": "assistant", "content": text}
        return web.json_response(_head(body, kind) | {"choices": [choice], "usage": usage})

    async def _typed(
        self, request: web.Request, body: JSON, wants: dict[str, str], words: int
    ) -> web.StreamResponse:
        """OpenAI's Responses and Anthropic's Messages, which repeat the tools that they were given."""
        is_response = request.path == "/v1/responses"
        usage = {"input_tokens": PROMPT_TOKENS, "output_tokens": words}
        said = {"tools": body.get("tools", []), "usage": usage}
        if not body.get("stream"):
            self.generation_tokens += words
            return web.json_response({"object": "response"} | said)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)

        async def say(kind: str, **more: Any) -> None:
            told = json.dumps({"type": kind} | more)
            await response.write(f"event: {kind}\ndata: {told}\n\n".encode())

        if is_response:
            await say("response.created", response=said | {"usage": None})
        else:
            await say("message_start", message={"usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": 0}})
        for number in range(words):
            if number == int(wants.get("die", -1)):
                request.transport.abort()
                return response
            await asyncio.sleep(float(wants.get("pause", 0)))
            self.generation_tokens += 1
            kind = "response.output_text.delta" if is_response else "content_block_delta"
            await say(kind, delta=f'w{number} "usage": {{}}')
        if is_response:
            await say("response.completed", response=said)
        else:
            await say("message_delta", usage={"output_tokens": words})
            await say("message_stop")
        await response.write_eof()
        return response

    async def _stream(
        self, request: web.Request, body: JSON, wants: dict[str, str], usage: JSON
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        head = _head(body, "chat.completion.chunk")

        options = body.get("stream_options") or {}
        tells_each = options.get("include_usage") and options.get("continuous_usage_stats")
        told = -1

        async def say(choices: list[JSON], **more: Any) -> None:
            nonlocal told
            self.said += 1
            told = min(told + 1, usage["completion_tokens"])
            if tells_each and choices and "silent" not in wants:
                more["usage"] = {"prompt_tokens": 7, "total_tokens": 7 + told, "completion_tokens": told}
            await response.write(b"data: %b\n\n" % json.dumps(head | {"choices": choices} | more).encode())

        await say([{"index": 0, "delta": {"role": "assistant", "content": ""}}])
        for number in range(int(wants.get("words", 5))):
            if number == int(wants.get("die", -1)):
                await response.write(b'data: {"half": ')
                request.transport.abort()
                return response
            await asyncio.sleep(float(wants.get("pause", 0)))
            self.generation_tokens += 1
            # A word that looks like a field, so that nobody takes the model's words for its usage.
            await say([{"index": 0, "delta": {"content": f'w{number} "usage": {{}} '}}])
        await say([{"index": 0, "delta": {}, "finish_reason": "stop"}])
        if options.get("include_usage"):
            await say([], usage=usage)
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response


def _head(body: JSON, kind: str) -> JSON:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": body["model"]}


def _refusal(status: int, message: str) -> web.Response:
    error = {"message": message, "type": "BadRequestError", "param": None, "code": status}
    return web.json_response({"error": error}, status=status)


def _wants(body: JSON) -> dict[str, str]:
    given = [body[name] for name in ("prompt", "input") if name in body]
    text = given[0] if given else body["messages"][-1].get("content")
    return dict(re.findall(r"(\w+)=([^ ]+)", str(text)))


if __name__ == "__main__":
    web.run_app(Upstream().app(), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
