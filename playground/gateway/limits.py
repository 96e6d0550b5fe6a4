"""How much one key may ask: requests a minute and requests at a time, checked in one round trip to Valkey."""

import asyncio
import hashlib
from dataclasses import dataclass
from http import HTTPStatus

from django.conf import settings

from playground.gateway import errors
from playground.gateway.errors import ApiError
from playground.gateway.valkey import Command, Valkey, ValkeyAway

# A request's place is kept for so long without a sign of life, so that a killed process holds none for ever.
PLACE_SECONDS = 30
RENEW_SECONDS = 10
WINDOW_MS = 60_000

# GCRA: one number, the "theoretical arrival time", is the whole state of a smooth limit that
# allows a burst of a minute's worth. The sorted set holds the running requests by their expiry.
ADMIT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, places = tonumber(ARGV[1]), tonumber(ARGV[2])
local window, interval = 60000, 60000 / limit
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local arrival = math.max(now, tonumber(redis.call('GET', KEYS[1]) or now))
local left = math.floor((window - (arrival - now)) / interval + 0.000001)
if left < 1 then
  return {1, 0, math.ceil(arrival - now), math.ceil(arrival + interval - window - now)}
end
if redis.call('ZCARD', KEYS[2]) >= places then
  return {2, left, math.ceil(arrival - now), 1000}
end
arrival = arrival + interval
redis.call('SET', KEYS[1], string.format('%.3f', arrival), 'PX', math.ceil(arrival - now))
redis.call('ZADD', KEYS[2], now + ARGV[4] * 1000, ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4] * 1000)
return {0, left - 1, math.ceil(arrival - now), 0}
"""
RENEW = """
local time = redis.call('TIME')
local expiry = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1] * 1000
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], expiry, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1] * 1000)
"""
SCRIPTS = (ADMIT, RENEW)
# SHA-1 is how Valkey names scripts; nothing rests on its strength.
ADMIT_SHA, RENEW_SHA = (
    hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest() for script in SCRIPTS
)


@dataclass(frozen=True, slots=True)
class Place:
    """An admitted request's place among those of its key."""

    public_id: str
    request_id: str


class Limits:
    """Takes and gives back places. Belongs to one event loop."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey
        self._taken: set[Place] = set()
        self._given_back: list[Place] = []

    async def take(self, public_id: str, request_id: str) -> tuple[Place, list[tuple[bytes, bytes]]]:
        """Take a place for a request; return it with the answer's x-ratelimit headers.

        Raises ApiError 429 when the key has none left, and 503 when Valkey is away: without
        it nobody knows, and a limit that can be switched off by an outage is none.
        """
        limit, places = settings.GATEWAY_REQUESTS_PER_MINUTE, settings.GATEWAY_CONCURRENT_REQUESTS
        rate_key, places_key = f"gateway:rate:{public_id}", _places_key(public_id)
        try:
            verdict, left, reset_ms, wait_ms = await self._valkey.call(
                "EVALSHA", ADMIT_SHA, 2, rate_key, places_key, limit, places, request_id, PLACE_SECONDS
            )
        except ValkeyAway as error:
            sentence = "The portal cannot check its limits at present. Try again in a moment."
            raise errors.away("limits_unavailable", sentence, retry_after_seconds=2) from error
        headers = [
            (b"x-ratelimit-limit-requests", b"%d" % limit),
            (b"x-ratelimit-remaining-requests", b"%d" % left),
            (b"x-ratelimit-reset-requests", _duration(reset_ms)),
        ]
        if verdict:
            raise _too_many(verdict, wait_ms=wait_ms, headers=headers)
        place = Place(public_id, request_id)
        self._taken.add(place)
        return place, headers

    def give_back(self, place: Place) -> None:
        """Free a place, at once and without waiting for it."""
        self._taken.discard(place)
        self._given_back.append(place)
        if len(self._given_back) == 1:
            asyncio.get_running_loop().call_soon(self._send_back)

    def _send_back(self) -> None:
        places, self._given_back = self._given_back, []
        task = asyncio.ensure_future(
            self._valkey.call_all(
                [("ZREM", _places_key(place.public_id), place.request_id) for place in places]
            )
        )
        # A place that cannot be given back runs out by itself.
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())

    async def keep_renewing(self) -> None:
        """Keep the places of requests that take long, for as long as this process lives."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            by_key: dict[str, list[str]] = {}
            for place in self._taken:
                by_key.setdefault(place.public_id, []).append(place.request_id)
            commands: list[Command] = [
                ("EVALSHA", RENEW_SHA, 1, _places_key(public_id), PLACE_SECONDS, *request_ids)
                for public_id, request_ids in by_key.items()
            ]
            try:
                if commands:
                    await self._valkey.call_all(commands)
            except ValkeyAway:
                continue


def _places_key(public_id: str) -> str:
    return f"gateway:places:{public_id}"


def _duration(milliseconds: int) -> bytes:
    """A duration as OpenAI writes it in its headers: `120ms`, `1.5s`, `1m0s`.

    >>> _duration(0), _duration(120), _duration(1500), _duration(60000)
    (b'0s', b'120ms', b'1.5s', b'1m0s')
    """
    seconds = milliseconds / 1000
    if 0 < milliseconds < 1000:  # noqa: PLR2004
        return b"%dms" % milliseconds
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.3g}s".encode()
    return f"{int(seconds // 60)}m{seconds % 60:.3g}s".encode()


def _too_many(verdict: int, *, wait_ms: int, headers: list[tuple[bytes, bytes]]) -> ApiError:
    limit, places = settings.GATEWAY_REQUESTS_PER_MINUTE, settings.GATEWAY_CONCURRENT_REQUESTS
    seconds = max(1, -(-wait_ms // 1000))
    if verdict == 1:
        code = "rate_limit_exceeded"
        sentence = f"This key may send {limit} requests a minute. Try again in {seconds} s."
    else:
        code = "concurrency_limit_exceeded"
        sentence = f"This key may have {places} requests running at a time. Wait for one to end."
    told = {name.decode(): value.decode() for name, value in headers} | {"retry-after": str(seconds)}
    return ApiError(HTTPStatus.TOO_MANY_REQUESTS, code, sentence, headers=told)
