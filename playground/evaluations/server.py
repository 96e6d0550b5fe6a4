"""What a model server says of itself, held against the revision that is to be evaluated on it.

vLLM tells the names it serves, where it loaded each from, and its own version. It does not tell which bytes
it has loaded: that the files under that name are the revision's rests on whoever started the server.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp

from playground.evaluations.asking import Faulty, NotNow
from playground.serving import Backend

TIMEOUT_SECONDS = 10
TEXT_CHARACTERS = 300
_COMMIT = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
UNKNOWN = (
    "The model server told its names and its version, not which bytes it has loaded: that they are this"
    " revision's rests on whoever started it."
)
NAMES_COMMIT = "The model server loaded a folder that is named for this revision's commit id."


async def look(
    session: aiohttp.ClientSession, backend: Backend, *, served_name: str, commit: str
) -> dict[str, Any]:
    """What the server says: {"version", "root", "max_model_len", "names_commit"}.

    Raises NotNow while it does not answer, and Faulty when it does not serve the name, or another commit.
    """
    models = await _get(session, backend, "/v1/models")
    data = models.get("data")
    listed = [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
    found = next((one for one in listed if one.get("id") == served_name), None)
    if found is None:
        names = ", ".join(str(one.get("id"))[:60] for one in listed)
        raise Faulty(
            f"The model server does not serve “{served_name}”, only {names or 'nothing'}. Correct the name"
            " at the revision, or start the server with it.",
            is_final=True,
        )
    root = str(found.get("root") or "")[:TEXT_CHARACTERS]
    commits = set(_COMMIT.findall(root))
    if commits and commit not in commits:
        raise Faulty(
            f"The model server has loaded another revision: {root}. Start it with commit {commit}.",
            is_final=True,
        )
    length = found.get("max_model_len")
    return {
        "version": await _version(session, backend),
        "root": root,
        "max_model_len": length if isinstance(length, int) else None,
        "names_commit": commit in commits,
    }


def caveat(server: Mapping[str, Any]) -> str:
    """What can be known of the bytes behind a result, in a sentence."""
    return NAMES_COMMIT if server.get("names_commit") else UNKNOWN


async def _version(session: aiohttp.ClientSession, backend: Backend) -> str:
    """VLLM's version; "" where a server has none."""
    try:
        told = await _get(session, backend, "/version")
    except Faulty:
        return ""
    return str(told.get("version") or "")[:TEXT_CHARACTERS]


async def _get(session: aiohttp.ClientSession, backend: Backend, path: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {backend.api_key}"} if backend.api_key else {}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    try:
        async with session.get(backend.base_url + path, headers=headers, timeout=timeout) as response:
            if response.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
                raise NotNow
            if response.status != HTTPStatus.OK:
                raise Faulty(f"The model server answered {response.status} at {path}.", is_final=True)
            told = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise NotNow from error
    except ValueError as error:
        raise Faulty(f"The model server's answer at {path} is not JSON.", is_final=True) from error
    if not isinstance(told, dict):
        raise Faulty(f"The model server's answer at {path} is not of OpenAI's form.", is_final=True)
    return told
