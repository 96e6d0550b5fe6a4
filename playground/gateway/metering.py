"""What each request used, sent to the usage stream in small batches and off the request's path."""

import asyncio
import json
import re
import secrets
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from playground.gateway.valkey import Valkey, ValkeyAway
from portal.keys import usage

Fields = tuple[str | int, ...]

# nginx's status for a client that left before it was answered; it is only written down.
CLIENT_LEFT = 499
FLUSH_SECONDS = 0.1
# What waits here while Valkey is away; beyond it the oldest is lost.
WAITING_MAX = 100_000
# Lua takes some thousands of values at a time.
BATCH_MAX = 250
# An answer up to this size is read whole; of a longer one (log-probabilities) only its end is searched.
WHOLE_BYTES_MAX = 1024 * 1024
TAIL_BYTES = 16 * 1024
# What a model server may have generated before it notices that nobody listens any more.
UNNOTICED_TOKENS = 64
ANTHROPIC_CACHE = ("cache_read_input_tokens", "cache_creation_input_tokens")
USAGE_OBJECT = re.compile(rb'"usage"\s*:\s*(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})')


@dataclass(slots=True)
class Used:
    """The tokens of one request, as its answer told them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    # Whether the model server said so at its end; otherwise it is what was known by then.
    is_told: bool = False
    # Whether what was known by then may be less than what was made by then.
    is_estimate: bool = False

    def read(self, told: Any) -> bool:
        """Take over a `usage` object, in OpenAI's names of either kind or Anthropic's; whether it was one."""
        if not isinstance(told, dict) or not ("prompt_tokens" in told or "input_tokens" in told):
            return False
        self.prompt_tokens = _count(told.get("prompt_tokens", told.get("input_tokens")))
        # Anthropic counts what came out of a cache, or went into one, beside the input.
        self.prompt_tokens += sum(_count(told.get(name)) for name in ANTHROPIC_CACHE)
        self.completion_tokens = _count(told.get("completion_tokens", told.get("output_tokens")))
        return True


@dataclass(slots=True)
class Receipt:
    """What came of a request: the answer's status (0 while there is none) and what was used."""

    status: int = 0
    used: Used = field(default_factory=Used)
    # From the request's arrival to a stream's first event, or to a plain answer's first byte.
    first_token_ms: int | None = None
    is_stream: bool = False
    # Whether more of a stream had come, or may have, than was passed on when it was broken off.
    is_behind: bool = False

    def tokens_to_count(self, *, held: int, is_started: bool, prompt: int | None = None) -> int | None:
        """The tokens that count towards limits; None when nobody knows, so that all that is held counts.

        A request that failed before its answer began comes to nothing. A broken-off stream
        that told its usage on the way comes to that, and to what the model server made until
        it noticed; one of which nothing had come, to the most that its `prompt` can be (None: it
        is no stream) and to as much besides. Of any other nobody knows how far the model server went.
        """
        told = self.used.prompt_tokens + self.used.completion_tokens
        if self.used.is_told:
            return told
        if self.used.prompt_tokens and not self.is_behind and not self.used.is_estimate:
            return min(held, told + UNNOTICED_TOKENS)
        if prompt is not None and self.is_unbegun:
            return min(held, prompt + UNNOTICED_TOKENS)
        is_failure = self.status >= HTTPStatus.BAD_REQUEST and self.status != CLIENT_LEFT
        return 0 if is_failure and not is_started else None

    @property
    def is_unbegun(self) -> bool:
        """Whether it was broken off before anything of an answer had come."""
        is_broken_off = self.status in {0, CLIENT_LEFT, HTTPStatus.OK}
        has_come = self.first_token_ms is not None or self.is_behind or self.used.completion_tokens > 0
        return is_broken_off and not has_come


class AnswerReader:
    """Finds the usage in the JSON of an answer that passes by in pieces, holding a bounded part of it.

    In an answer that `repeats` what was asked, a usage that is merely found may be the asker's own words.
    """

    def __init__(self, *, repeats: bool = False) -> None:
        self._repeats = repeats
        self._kept = bytearray()
        self._is_cut = False

    def feed(self, piece: bytes) -> None:
        """See a piece pass by."""
        self._kept += piece
        if len(self._kept) > WHOLE_BYTES_MAX:
            del self._kept[:-TAIL_BYTES]
            self._is_cut = True

    def used(self) -> Used:
        """The usage, zeros when the answer tells none."""
        used = Used()
        try:
            if self._is_cut and self._repeats:
                return used
            if self._is_cut:
                found = USAGE_OBJECT.findall(bytes(self._kept))
                used.is_told = used.read(json.loads(found[-1]) if found else None)
            else:
                answer = json.loads(self._kept)
                used.is_told = used.read(answer.get("usage") if isinstance(answer, dict) else None)
        except ValueError:
            return Used()
        return used


# Adds the entries of one batch, unless this was the last batch that this process had added: a reply may
# be lost when the batch is not. ARGV: the batch's number, how many values an entry has, and all of them.
ADD_ONCE = """
if redis.call('GET', KEYS[2]) == ARGV[1] then return 0 end
local width = tonumber(ARGV[2])
for first = 3, #ARGV, width do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', MAX, '*', unpack(ARGV, first, first + width - 1))
end
redis.call('SET', KEYS[2], ARGV[1], 'EX', 86400)
return 1
""".replace("MAX,", f"{usage.STREAM_LENGTH_MAX},")


class Meter:
    """Collects usage and writes it to the stream, each entry once. Belongs to one event loop."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey
        self._waiting: deque[Fields] = deque(maxlen=WAITING_MAX)
        self._last_batch_key = f"{usage.STREAM}:last:{secrets.token_hex(8)}"
        # Under way, or of unknown fate; it stays as it is until Valkey has said that it is written.
        self._batch: list[Fields] = []
        self._batch_number = 0

    def note(
        self, receipt: Receipt, *, key_id: int, release_id: int, client: str = "", address: str = ""
    ) -> None:
        """Note one request. No I/O."""
        self._waiting.append(
            usage.fields(
                key_id=key_id,
                release_id=release_id,
                status=receipt.status,
                prompt_tokens=receipt.used.prompt_tokens,
                completion_tokens=receipt.used.completion_tokens,
                first_token_ms=receipt.first_token_ms,
                is_stream=receipt.is_stream,
                client=client,
                address=address,
            )
        )

    def note_use(self, *, key_id: int, client: str, address: str) -> None:
        """Note that a key was used for what asks no model. No I/O."""
        receipt = Receipt(status=HTTPStatus.OK)
        self.note(receipt, key_id=key_id, release_id=usage.NO_RELEASE, client=client, address=address)

    async def keep_flushing(self) -> None:
        """Write what waits, ten times a second, for as long as this process lives."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except ValkeyAway:
                # It stays in the queue for the next turn.
                continue

    async def flush(self) -> None:
        """Write what waits. Raises ValkeyAway, and what is not known to be written stays."""
        while self._batch or self._waiting:
            if not self._batch:
                self._batch = [self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))]
                self._batch_number += 1
            width = len(self._batch[0])
            values = [value for fields in self._batch for value in fields]
            keys = (usage.STREAM, self._last_batch_key)
            await self._valkey.call("EVAL", ADD_ONCE, 2, *keys, self._batch_number, width, *values)
            self._batch = []


def _count(number: object) -> int:
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else 0
