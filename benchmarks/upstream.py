"""A model server faster than any gateway: raw asyncio, answers made beforehand.

Run as `python -m benchmarks.upstream PORT`. A prompt with the word "crawling" is streamed at
100 tokens a second, every other at once.
"""

import asyncio
import json
import sys
from typing import Any

import httptools
import uvloop

HEAD = {"id": "chatcmpl-1", "created": 1, "model": "benchmark"}
USAGE = {"prompt_tokens": 20, "completion_tokens": 64, "total_tokens": 84}
TOKENS, PAUSE_SECONDS = 600, 0.01


def _whole() -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": "word " * 64}, "finish_reason": "stop"}
    body = json.dumps(HEAD | {"object": "chat.completion", "choices": [choice], "usage": USAGE}).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


def _event(choices: list[object], **more: object) -> bytes:
    body = json.dumps(HEAD | {"object": "chat.completion.chunk", "choices": choices} | more).encode()
    return b"%x\r\ndata: %b\n\n\r\n" % (len(body) + 8, body)


ANSWER = _whole()
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
)
EVENT = _event([{"index": 0, "delta": {"content": "word "}}])
LAST = _event([], usage=USAGE) + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


class Server(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body = b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        body, self.body = self.body, b""
        if b'"stream":true' not in body:
            self.transport.write(ANSWER)
        elif b"crawling" in body:
            self.transport.write(STREAM_HEAD)
            self._say(TOKENS, asyncio.get_running_loop().time())
        else:
            self.transport.write(STREAM_HEAD + EVENT * 64 + LAST)

    def _say(self, left: int, at: float) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(EVENT if left else LAST)
        if left:
            asyncio.get_running_loop().call_at(at + PAUSE_SECONDS, self._say, left - 1, at + PAUSE_SECONDS)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
