"""What a body may not ask of the model server, since it would reach beyond the one who asks.

vLLM's own guide (docs/usage/security.md) leaves these to who stands in front of it: unbounded
`n`, media fetched from anywhere, prefix caches whose timing tells what others have asked.
"""

import hmac
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from playground.gateway.errors import ApiError, bad_request

# Fields of vLLM's that steer the engine itself rather than the answer, and what each would allow.
REFUSED_FIELDS = {
    "request_id": "takes the name of somebody else's request",
    "priority": "overtakes the others",
    "kv_transfer_params": "reads and writes the caches of other engines",
    "ec_transfer_params": "reads and writes the caches of other engines",
    "logits_processors": "loads code by its name",
    "vllm_xargs": "reaches the engine's extensions",
    "prompt_embeds": "is unpickled by the engine",
}
ANSWERS_FIELDS = ("n", "best_of")
# Where media stand in the messages of OpenAI's and Anthropic's APIs.
CONTENT_FIELDS = ("messages", "input", "system")
HTTPS_PORT = 443
MEDIA_FIELDS = ("image_url", "video_url", "audio_url", "file_url", "source")


def require_harmless(fields: dict[str, Any]) -> None:
    """Refuse what may not be asked. No I/O. Raises ApiError 400."""
    for name, harm in REFUSED_FIELDS.items():
        if fields.get(name) is not None:
            raise bad_request(
                "field_not_allowed", f"The field “{name}” is not open here: it {harm}.", param=name
            )
    for name in ANSWERS_FIELDS:
        given = fields.get(name)
        if isinstance(given, int | float) and given > settings.GATEWAY_N_MAX:
            sentence = f"The field “{name}” may be {settings.GATEWAY_N_MAX} at most."
            raise bad_request("invalid_value", sentence, param=name)
    for name in CONTENT_FIELDS:
        if isinstance(content := fields.get(name), list):
            for address in _media(content):
                _require_allowed(address, param=name)


def cache_salt(user_id: int) -> str:
    """What parts a person's prefix cache from those of others, so that nobody can time what they asked.

    The members of a service account share its owner's.
    """
    return _salt(settings.KEY_PEPPER, user_id)


@lru_cache(maxsize=10_000)
def _salt(pepper: str, user_id: int) -> str:
    return hmac.digest(pepper.encode(), b"cache-salt:%d" % user_id, "sha256").hex()[:32]


def _media(content: Any) -> Iterator[str]:
    """The addresses of all media in `content`, however deep they stand."""
    waiting = [content]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            for name, value in part.items():
                if name in MEDIA_FIELDS:
                    address = value.get("url") if isinstance(value, dict) else value
                    if isinstance(address, str):
                        yield address
                if isinstance(value, dict | list):
                    waiting.append(value)


def _require_allowed(address: str, *, param: str) -> None:
    try:
        parts = urlsplit(address)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise _not_allowed(param) from None
    if parts.scheme == "data":
        return
    if (
        parts.scheme != "https"
        or host not in settings.GATEWAY_MEDIA_DOMAINS
        or port not in (None, HTTPS_PORT)
    ):
        raise _not_allowed(param)


def _not_allowed(param: str) -> ApiError:
    domains = ", ".join(settings.GATEWAY_MEDIA_DOMAINS)
    where = f"or by https from {domains}" if domains else "since nothing is fetched from elsewhere here"
    return bad_request("media_not_allowed", f"Send media as data: URLs, {where}.", param=param)
