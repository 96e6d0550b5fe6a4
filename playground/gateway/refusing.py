"""How limits are told in an answer: OpenAI's headers, and the 429 that names the limit in the way."""

from collections.abc import Sequence
from http import HTTPStatus

from playground.gateway.errors import ApiError
from portal.keys.applying import LimitInForce

Headers = list[tuple[bytes, bytes]]

REQUESTS_PER_MINUTE, CONCURRENT_REQUESTS, TOKENS_PER_MINUTE, TOKENS_PER_DAY, TOKENS_TOTAL = range(1, 6)
PERIODS = {TOKENS_PER_MINUTE: "a minute", TOKENS_PER_DAY: "a day (UTC)", TOKENS_TOTAL: "in total"}
# Where waiting is in vain, a client that waits all the same should not do so at once.
IN_VAIN_SECONDS = 60
MINUTE, HOUR = 60, 3600


def headers(reply: Sequence[int]) -> Headers:
    """OpenAI's x-ratelimit headers from the reply of the script that reserves; only limits that exist."""
    _, requests, requests_left, requests_reset, tokens, tokens_left, tokens_reset = reply[:7]
    told = []
    if requests >= 0:
        told += [
            (b"x-ratelimit-limit-requests", b"%d" % requests),
            (b"x-ratelimit-remaining-requests", b"%d" % requests_left),
            (b"x-ratelimit-reset-requests", duration(requests_reset)),
        ]
    if tokens >= 0:
        told += [
            (b"x-ratelimit-limit-tokens", b"%d" % tokens),
            (b"x-ratelimit-remaining-tokens", b"%d" % tokens_left),
        ]
        if tokens_reset >= 0:
            told.append((b"x-ratelimit-reset-tokens", duration(tokens_reset)))
    return told


def duration(milliseconds: int) -> bytes:
    """A duration as OpenAI writes it in its headers: `120ms`, `1.5s`, `1m0s`, `2h5m0s`.

    >>> duration(0), duration(120), duration(1500), duration(60000), duration(7500000)
    (b'0s', b'120ms', b'1.5s', b'1m0s', b'2h5m0s')
    """
    if 0 < milliseconds < 1000:  # noqa: PLR2004
        return b"%dms" % milliseconds
    seconds = milliseconds / 1000
    if seconds < MINUTE:
        return f"{seconds:.3g}s".encode()
    if seconds < HOUR:
        return b"%dm%ds" % (seconds // MINUTE, seconds % MINUTE)
    return b"%dh%dm%ds" % (seconds // HOUR, seconds % HOUR // MINUTE, seconds % MINUTE)


def too_many(limit: LimitInForce, which: int, *, reply: Sequence[int], tokens: int) -> ApiError:
    """The 429 for the limit `which` of `limit`, out of the reply of the script that reserves.

    The reply's end: the limit's number, what is left of it, and the wait (ms; -1: in vain).
    """
    number, left, wait_ms = reply[9:]
    seconds = -(-wait_ms // 1000) if wait_ms > 0 else 1
    is_of_requests = which in {REQUESTS_PER_MINUTE, CONCURRENT_REQUESTS}
    code = "rate_limit_exceeded"
    if which == REQUESTS_PER_MINUTE:
        sentence = f"{limit.subject} may send {number:,} requests a minute. Try again in {seconds} s."
    elif which == CONCURRENT_REQUESTS:
        code = "concurrency_limit_exceeded"
        sentence = f"{limit.subject} may have {number:,} requests running at a time. Wait for one to end."
    else:
        # One second is the script's word for: only requests that run now are in the way.
        is_spent = wait_ms < 0 or (which == TOKENS_PER_DAY and wait_ms > 1000)  # noqa: PLR2004
        if is_spent and which != TOKENS_PER_MINUTE:
            code = "insufficient_quota"
        sentence = _of_tokens(limit, which, number=number, left=left, wait_ms=wait_ms, tokens=tokens)
    told = {name.decode(): value.decode() for name, value in headers(reply)}
    told["retry-after"] = str(seconds if wait_ms >= 0 else IN_VAIN_SECONDS)
    if wait_ms < 0 or seconds > MINUTE:
        # OpenAI's own clients then do not try again by themselves.
        told["x-should-retry"] = "false"
    kind = "requests" if is_of_requests else "tokens"
    return ApiError(HTTPStatus.TOO_MANY_REQUESTS, code, sentence, headers=told, kind=kind)


def too_many_bodies() -> ApiError:
    """The 429 for more bodies on their way than one key may have."""
    sentence = "Too many requests of this key are on their way. Wait for some to arrive."
    code = "concurrency_limit_exceeded"
    return ApiError(
        HTTPStatus.TOO_MANY_REQUESTS, code, sentence, headers={"retry-after": "1"}, kind="requests"
    )


def _of_tokens(limit: LimitInForce, which: int, *, number: int, left: int, wait_ms: int, tokens: int) -> str:
    """Whose limit it is, what remains, when it comes back, and what may help.

    A subject such as "This key" begins the sentence; the worst case of the request stands behind it.
    """
    begins = f"{limit.subject} may use {number:,} tokens {PERIODS[which]}, and {left:,} of them remain; "
    needs = f"this request may come to {tokens:,} (its prompt, and max_tokens for each answer). "
    if wait_ms < 0 and which == TOKENS_TOTAL:
        comes = "They do not come back by themselves. "
    elif wait_ms < 0:
        comes = "Waiting does not help. "
    elif which == TOKENS_PER_DAY and wait_ms > 1000:  # noqa: PLR2004
        comes = f"They come back at 00:00 UTC, in {_in_words(wait_ms)}. "
    else:
        comes = f"Try again in {_in_words(wait_ms)}. "
    helps = "A smaller max_tokens or a shorter prompt may pass now." if left > 0 else ""
    return f"{begins}{needs}{comes}{helps}".strip()


def _in_words(milliseconds: int) -> str:
    """A wait, rounded up: `3 s`, `5 min`, `2 h 5 min`.

    >>> _in_words(2100), _in_words(300_000), _in_words(7_500_000)
    ('3 s', '5 min', '2 h 5 min')
    """
    seconds = max(1, -(-milliseconds // 1000))
    if seconds <= MINUTE:
        return f"{seconds} s"
    minutes = -(-seconds // MINUTE)
    return f"{minutes} min" if minutes < MINUTE else f"{minutes // 60} h {minutes % 60} min"
