"""How many tokens a message would come to with all that is sent with it, as the model server counts them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from playground import serving, upstream
from playground.parameters import fields_of, is_raw
from playground.serving import Backend
from playground.threads import Exchange, messages_along
from playground.upstream import UpstreamFailure
from portal.releases.models import Release, Revision

# People type on meanwhile; a count that comes later than this is not worth waiting for.
PATIENCE_SECONDS = 2


@dataclass(frozen=True)
class Count:
    """Tokens of the prompt, of the longest answer asked for, and of the model's context."""

    prompt: int
    answer: int
    context: int

    @property
    def left(self) -> int:
        """The tokens that neither prompt nor answer takes; below 0 where they do not fit together."""
        return self.room - self.answer

    @property
    def room(self) -> int:
        """The tokens that the prompt leaves for the answer; below 0 where it does not fit itself."""
        return self.context - self.prompt

    @property
    def is_over(self) -> bool:
        """Whether prompt and answer do not fit together; the answer is then cut, or the prompt refused."""
        return self.left < 0


@dataclass(frozen=True)
class Question:
    """What would be asked: OpenAI's request, and where."""

    body: Mapping[str, Any]
    backend: Backend


def question(
    prompt: str,
    *,
    settings: Mapping[str, Any],
    branch: list[Exchange],
    release: Release,
    revision: Revision | None = None,
) -> Question:
    """What `prompt` with `settings` behind `branch` would ask of the release, or of one of its revisions."""
    name = (revision.served_model_name if revision else "") or release.served_model_name or release.slug
    body: dict[str, Any] = {"model": name, **fields_of(settings)}
    if is_raw(settings):
        body["prompt"] = prompt
    else:
        system_prompt = settings.get("system_prompt", "")
        body["messages"] = messages_along(branch, system_prompt=system_prompt, prompt=prompt)
    return Question(body, serving.backend_of(release, revision))


def count(*questions: Question) -> Count | None:
    """Count a prompt, or of several that with the least room; None when a server does not tell in time."""
    try:
        counts = asyncio.run(_ask(questions))
    except (UpstreamFailure, TimeoutError, ValueError, KeyError):
        return None
    known = [one for one in counts if one is not None]
    return min(known, key=lambda one: one.left) if len(known) == len(counts) > 0 else None


async def _ask(questions: Sequence[Question]) -> list[Count | None]:
    async with asyncio.timeout(PATIENCE_SECONDS), upstream.new_session() as session:
        return await asyncio.gather(*(_count(session, one) for one in questions))


async def _count(session: aiohttp.ClientSession, asked: Question) -> Count | None:
    told = await upstream.count_tokens(session, asked.body, backend=asked.backend)
    return Count(told[0], int(asked.body.get("max_tokens") or 0), told[1]) if told else None
