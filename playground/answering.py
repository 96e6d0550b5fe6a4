"""One generation's coroutine: from the model server's pieces to the stream, and to an outcome."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import aiohttp
from django.utils import timezone

from playground import upstream
from playground.actions import Outcome
from playground.allowing import Allowance, Person
from playground.models import GenerationStatus
from playground.reading import add_tool_calls
from playground.serving import Backend
from playground.upstream import ContextExceeded, UpstreamFailure
from playground.writing import Sink


@dataclass(frozen=True)
class Request:
    """What one generation asks of its model server; it needs no database any more."""

    backend: Backend
    release_name: str
    path: str
    body: Mapping[str, Any]
    person: Person
    prefix: str = ""


@dataclass
class Progress:
    """What is known of an answer while it comes."""

    first_token_at: datetime | None = None
    finish_reason: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    logprobs: list[list[Any]] = field(default_factory=list)

    def take(self, delta: upstream.Delta) -> None:
        """Keep what `delta` tells beside its text."""
        if (delta.text or delta.tool_calls) and self.first_token_at is None:
            self.first_token_at = timezone.now()
        self.finish_reason = delta.finish_reason or self.finish_reason
        if delta.prompt_tokens is not None:
            self.prompt_tokens, self.completion_tokens = delta.prompt_tokens, delta.completion_tokens
        add_tool_calls(self.tool_calls, delta.tool_calls)
        self.logprobs += delta.logprobs


@dataclass
class Job:
    """A generation that this process works on. `stop` may be called from the loop at any time."""

    generation_id: UUID
    attempt: int = 0
    is_stopped: bool = False
    is_lost: bool = False
    refusal: UpstreamFailure | None = None
    task: "asyncio.Task[None] | None" = None
    progress: Progress = field(default_factory=Progress)

    def stop(self, *, lost: bool = False) -> None:
        """End it: the connection to the model server is closed. `lost`: it belongs to somebody else."""
        self.is_stopped = True
        self.is_lost = self.is_lost or lost
        if self.task is not None:
            self.task.cancel()

    def refuse(self, failure: UpstreamFailure) -> None:
        """End it since its person may not go on, for the reason that `failure` tells."""
        self.refusal = failure
        self.stop()


async def answer(
    job: Job, request: Request, *, sink: Sink, session: aiohttp.ClientSession, allowance: Allowance
) -> tuple[str, Outcome]:
    """Stream the answer into `sink`, within its limits; return the state to end in, and the outcome."""
    try:
        held = await allowance.hold(job.generation_id, request.person, request.path, request.body)
    except UpstreamFailure as refused:
        return GenerationStatus.FAILED, _outcome(job, sink, failure=refused)
    status, outcome = await _answer(job, request, sink=sink, session=session)
    return status, allowance.settle(held, outcome, request.person)


async def _answer(
    job: Job, request: Request, *, sink: Sink, session: aiohttp.ClientSession
) -> tuple[str, Outcome]:
    sink.state(GenerationStatus.RUNNING)
    if request.prefix:
        sink.add(request.prefix)
    job.task = asyncio.create_task(_stream(job, request, sink=sink, session=session))
    if job.is_stopped:
        job.task.cancel()
    failure: UpstreamFailure | None = None
    try:
        await job.task
    except asyncio.CancelledError:
        if not job.is_stopped:
            raise
        if job.refusal is not None:
            return GenerationStatus.FAILED, _outcome(job, sink, failure=job.refusal)
        return GenerationStatus.CANCELLED, _outcome(job, sink)
    except UpstreamFailure as error:
        failure = error
    if failure is not None and not job.progress.finish_reason:
        return GenerationStatus.FAILED, _outcome(job, sink, failure=failure)
    return GenerationStatus.DONE, _outcome(job, sink)


async def _stream(job: Job, request: Request, *, sink: Sink, session: aiohttp.ClientSession) -> None:
    try:
        await _pass_on(job, request.body, request, sink=sink, session=session)
    except ContextExceeded as exceeded:
        body = await _fitted(request, exceeded, session=session)
        await _pass_on(job, body, request, sink=sink, session=session)


async def _pass_on(
    job: Job, body: Mapping[str, Any], request: Request, *, sink: Sink, session: aiohttp.ClientSession
) -> None:
    async with aclosing(upstream.stream(session, request.path, body, backend=request.backend)) as deltas:
        async for delta in deltas:
            job.progress.take(delta)
            if delta.text:
                sink.add(delta.text)


async def _fitted(
    request: Request, exceeded: ContextExceeded, *, session: aiohttp.ClientSession
) -> Mapping[str, Any]:
    """The same request with as many tokens for the answer as the prompt leaves.

    Raises ContextExceeded, with how many tokens too many, when it leaves none.
    """
    counted = await upstream.count_tokens(session, request.body, backend=request.backend)
    if counted is None:
        raise exceeded
    count, limit = counted
    if count < limit:
        return {**request.body, "max_tokens": limit - count}
    raise ContextExceeded(
        exceeded.code,
        f"Your prompt, with what came before it, is {count:,} tokens long, but {request.release_name} holds"
        f" {limit:,} together with its answer. That is {count - limit + 1:,} too many:"
        " shorten it, or start a new conversation.",
    )


def _outcome(job: Job, sink: Sink, *, failure: UpstreamFailure | None = None) -> Outcome:
    progress = job.progress
    return Outcome(
        text=sink.text,
        tool_calls=[] if job.is_stopped or failure else progress.tool_calls,
        logprobs=progress.logprobs,
        finish_reason="" if failure else ("stopped" if job.is_stopped else progress.finish_reason),
        error_code=failure.code if failure else "",
        error_sentence=failure.sentence[:500] if failure else "",
        prompt_tokens=progress.prompt_tokens,
        completion_tokens=progress.completion_tokens,
        first_token_at=progress.first_token_at,
        ended_at=timezone.now(),
    )
