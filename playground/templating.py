"""The prompt as the model reads it: the chat template filled in by the model server itself."""

import asyncio
from dataclasses import dataclass

from playground import serving, upstream
from playground.models import Generation
from playground.prompting import body_for
from playground.upstream import UpstreamFailure

PATIENCE_SECONDS = 5


@dataclass(frozen=True)
class Rendered:
    """The prompt as one text, and how many tokens it is."""

    text: str
    tokens: int


def rendered(generation: Generation) -> Rendered | None:
    """What the model read for `generation`; None when its server does not tell. One query."""
    body = body_for(generation)
    try:
        return asyncio.run(_ask(body, serving.backend_of(generation.release, generation.revision)))
    except (UpstreamFailure, TimeoutError, ValueError, KeyError):
        return None


async def _ask(body: dict[str, object], backend: serving.Backend) -> Rendered | None:
    async with asyncio.timeout(PATIENCE_SECONDS), upstream.new_session() as session:
        tokens = await upstream.tokenize(session, body, backend=backend)
        if tokens is None:
            return None
        ids = tokens["tokens"]
        text = await upstream.detokenize(session, str(body["model"]), ids, backend=backend)
        return None if text is None else Rendered(text, len(ids))
