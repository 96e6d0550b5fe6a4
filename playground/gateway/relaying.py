"""A model server's answer handed to the client as it comes."""

from http import HTTPStatus

from django.conf import settings

from playground.gateway import errors
from playground.gateway.connection import Connection, UpstreamLost, UpstreamSilent
from playground.gateway.dialects import DIALECTS, error_event
from playground.gateway.event_stream import EventStream
from playground.gateway.exchange import Exchange, Header
from playground.gateway.metering import AnswerReader, Receipt
from playground.gateway.typed_events import TypedEventStream
from playground.gateway.wishes import Wish

ERROR_BYTES_MAX = 256 * 1024


async def relay(connection: Connection, exchange: Exchange, *, wish: Wish, receipt: Receipt) -> None:
    """Pass an answer on to the client, and write its status and usage into `receipt`, however it ends.

    Raises ApiError for an answer that is an error; UpstreamLost or UpstreamSilent for one that
    breaks off where the client cannot be told in words.
    """
    if connection.status >= HTTPStatus.BAD_REQUEST:
        raise errors.from_backend(connection.status, await _error_body(connection))
    receipt.status = connection.status
    if connection.headers.get(b"content-type", b"").startswith(b"text/event-stream"):
        await _relay_stream(connection, exchange, wish=wish, receipt=receipt)
    else:
        await _relay_answer(connection, exchange, receipt=receipt)


async def _relay_answer(connection: Connection, exchange: Exchange, *, receipt: Receipt) -> None:
    """Pass a plain answer on; it mostly comes in one piece and leaves in one."""
    reader = AnswerReader(repeats=DIALECTS[exchange.path].is_typed)
    wait_seconds = settings.GATEWAY_ANSWER_TIMEOUT_SECONDS
    try:
        piece = await connection.piece(timeout_seconds=wait_seconds)
        receipt.first_token_ms = exchange.elapsed_ms()
        await exchange.start(connection.status, _headers(connection))
        while piece and not connection.is_exhausted:
            reader.feed(piece)
            await exchange.write(piece, more=True)
            piece = await connection.piece(timeout_seconds=wait_seconds)
        reader.feed(piece)
        await exchange.write(piece, more=False)
    finally:
        receipt.used = reader.used()


async def _relay_stream(connection: Connection, exchange: Exchange, *, wish: Wish, receipt: Receipt) -> None:
    """Pass an event stream on; one that breaks off ends with an event that says so."""
    stream = (
        TypedEventStream()
        if DIALECTS[exchange.path].is_typed
        else EventStream(keeps_usage=wish.wants_usage, keeps_each_usage=wish.wants_each_usage)
    )
    receipt.used, receipt.is_stream, exchange.is_stream = stream.used, True, True
    headers = [*_headers(connection), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
    await exchange.start(connection.status, headers)
    wait_seconds = settings.GATEWAY_ANSWER_TIMEOUT_SECONDS
    try:
        while piece := await connection.piece(timeout_seconds=wait_seconds):
            wait_seconds = settings.VLLM_READ_TIMEOUT_SECONDS
            if events := stream.feed(piece):
                if receipt.first_token_ms is None:
                    receipt.first_token_ms = exchange.elapsed_ms()
                await exchange.write(events, more=True)
        await exchange.write(stream.end(), more=False)
    except (UpstreamLost, UpstreamSilent) as failure:
        error = (
            errors.model_server_lost() if isinstance(failure, UpstreamLost) else errors.model_server_silent()
        )
        receipt.status = error.status
        # Half an event may be left unsent; it is dropped, so that this one can be read.
        event = error_event(exchange.path, error, request_id=exchange.request_id)
        await exchange.write(event, more=False)
    finally:
        receipt.is_behind = connection.is_behind
        stream.end()


def _headers(connection: Connection) -> list[Header]:
    """The answer's own headers that concern the client."""
    given = connection.headers
    return [(name, given[name]) for name in (b"content-type", b"content-length") if name in given]


async def _error_body(connection: Connection) -> bytes:
    pieces, size = [], 0
    while size < ERROR_BYTES_MAX and (
        piece := await connection.piece(timeout_seconds=settings.VLLM_READ_TIMEOUT_SECONDS)
    ):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)
