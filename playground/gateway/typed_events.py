"""Streams of typed events: OpenAI's Responses and Anthropic's Messages. They pass as they are; usage is read.

https://platform.openai.com/docs/api-reference/responses-streaming
https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

import json
from typing import Any

from playground.gateway.metering import Used

# The last event of a response repeats all of it, and echoes the request's tools.
EVENT_BYTES_MAX = 8 * 1024 * 1024
END = b"\n\n"
DELTA = b"delta"
DATA = b"data:"


class TypedEventStream:
    """Reads a stream's usage as it passes by, whole events at a time, holding one event at most."""

    def __init__(self) -> None:
        self.used = Used(is_estimate=True)
        self._rest = bytearray()
        self._deltas = 0
        self._is_skipping = False

    def feed(self, piece: bytes) -> bytes:
        """See a piece pass by; it is sent on as it is."""
        self._rest += piece
        while (cut := self._rest.find(END)) >= 0:
            event = bytes(self._rest[:cut])
            del self._rest[: cut + len(END)]
            if not self._is_skipping:
                self._read(event)
            self._is_skipping = False
        if len(self._rest) > EVENT_BYTES_MAX:
            # Too long to keep: its usage stays unknown, and with it what the request came to.
            del self._rest[: -len(END)]
            self._is_skipping = True
        return piece

    def end(self) -> bytes:
        """Nothing is left to send. Without a told usage each delta counts as a token, which is too low."""
        if not self.used.is_told:
            self.used.completion_tokens = max(self.used.completion_tokens, self._deltas)
        return b""

    def _read(self, event: bytes) -> None:
        head, _, rest = event.partition(b"\n")
        self._deltas += DELTA in head
        if b'"usage"' not in rest:
            return
        try:
            told = json.loads(rest.partition(DATA)[2])
        except ValueError:
            return
        if isinstance(told, dict):
            self._take(told)

    def _take(self, told: dict[str, Any]) -> None:
        """Usage stands in OpenAI's last event, and in Anthropic's first message and last delta."""
        kind = told.get("type")
        holder = told.get("response" if str(kind).startswith("response.") else "message", told)
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if kind == "message_start":
            self.used.read(usage)
        elif kind == "message_delta" and isinstance(usage, dict):
            known = {"input_tokens": self.used.prompt_tokens}
            self.used.is_told = self.used.read(known | usage)
        elif isinstance(usage, dict):
            self.used.is_told = self.used.read(usage)
