"""The gateway's ASGI application: what is reachable under /v1, and a request's way through it."""

import json
from http import HTTPStatus
from typing import Any

import structlog
from django.db import DatabaseError

from playground.gateway import errors, guarding, presets, wishes
from playground.gateway.admission import Route, model_object
from playground.gateway.dialects import DIALECTS, FORWARDED
from playground.gateway.errors import ApiError, ClientGone
from playground.gateway.exchange import Exchange
from playground.gateway.forwarding import forward
from playground.gateway.metering import Receipt
from playground.gateway.reserving import worst_case
from playground.gateway.running import Running
from playground.gateway.wishes import Wish
from playground.reference import description
from portal.keys.models import ApiKey

log = structlog.get_logger(__name__)

MODELS = b"/v1/models"
DESCRIPTION = b"/v1/openapi.json"
# Nothing in it is anybody's own, so that tools of any site may read and keep it.
DESCRIPTION_HEADERS = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"public, max-age=300"),
    (b"access-control-allow-origin", b"*"),
)


class Gateway:
    """Answers `/v1/*`."""

    def __init__(self) -> None:
        self._running: Running | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request; whatever goes wrong is answered in OpenAI's shape."""
        exchange = Exchange(scope, receive, send)
        try:
            await self._answer(exchange)
        except ClientGone:
            return
        except ApiError as error:
            if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                log.warning("gateway_failure_told", code=error.code, request_id=exchange.request_id)
            await exchange.fail(error)
        except DatabaseError as error:
            log.warning("gateway_database_away", error=type(error).__name__, request_id=exchange.request_id)
            sentence = "The portal cannot look up your key at present. Try again in a moment."
            await exchange.fail(errors.away("database_unavailable", sentence))
        except Exception:
            log.exception("gateway_failed", request_id=exchange.request_id)
            if exchange.is_started:
                raise
            sentence = "The portal failed on this request. If it stays, tell us the x-request-id."
            await exchange.fail(ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", sentence))

    async def _answer(self, exchange: Exchange) -> None:
        running = self._running or await self._start()
        exchange.read_headers()
        if exchange.path == DESCRIPTION:
            await _describe(exchange)
            return
        wanted_method = _method_of(exchange)
        key = await running.admission.admit(exchange.authorization(), address=exchange.client_address())
        if exchange.method != wanted_method:
            raise _wrong_method(wanted_method)
        if wanted_method == "GET":
            await _count(running, exchange, key)
            await _answer_models(running, exchange, key)
            return
        try:
            with running.limits.reading(key):
                wish = await _read(running, exchange, key)
            guarding.require_harmless(wish.fields)
            if check := DIALECTS[exchange.path].check:
                check(wish.fields)
            route = await running.admission.route(key, wish.model)
        except ApiError:
            # What is refused is a request as well.
            await _count(running, exchange, key)
            raise
        await _forward(running, exchange, key=key, route=route, wish=wish)

    async def lifespan(self, _: Any, receive: Any, send: Any) -> None:
        """Start and stop with the server."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if self._running is not None:
                    await self._running.stop()
                    self._running = None
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _start(self) -> Running:
        """Start what runs beside the requests; under a server without a lifespan, with the first of them."""
        self._running = Running()
        return self._running


async def _read(running: Running, exchange: Exchange, key: ApiKey) -> Wish:
    """What the body asks for; where it names a preset, with what that holds. Raises ApiError."""
    body = await exchange.read_body()
    fields = wishes.fields_in(body)
    if presets.FIELD not in fields:
        return wishes.wish_for(body, fields)
    known = running.admission.presets
    return wishes.rewritten(await known.filled(exchange.path, fields, key=key))


def _method_of(exchange: Exchange) -> str:
    """The method that the path takes. Raises ApiError 404 for every path that is not on the list.

    The path is compared as it was sent: `/v1/%63ompletions` and `/v1/../health` are on no list.
    """
    if exchange.path in FORWARDED:
        return "POST"
    if exchange.path == MODELS or exchange.path.startswith(MODELS + b"/"):
        return "GET"
    raise ApiError(
        HTTPStatus.NOT_FOUND,
        "unknown_url",
        "There is no such endpoint. This API has /v1/models, /v1/chat/completions, /v1/completions, "
        "/v1/embeddings, /v1/responses and /v1/messages.",
    )


def _wrong_method(wanted: str) -> ApiError:
    sentence = f"This endpoint takes {wanted} only."
    return ApiError(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", sentence, headers={"allow": wanted})


async def _describe(exchange: Exchange) -> None:
    """Send the OpenAPI description, for which nobody needs a key, unless the client has this very one."""
    if exchange.method not in {"GET", "HEAD"}:
        raise _wrong_method("GET")
    told = description.told(FORWARDED)
    headers = (*DESCRIPTION_HEADERS, (b"etag", told.etag.encode()))
    if told.etag in exchange.header(b"if-none-match"):
        await exchange.start(HTTPStatus.NOT_MODIFIED, headers)
        await exchange.write(b"", more=False)
        return
    await exchange.answer(HTTPStatus.OK, told.body, headers)


async def _count(running: Running, exchange: Exchange, key: ApiKey) -> None:
    """Count a request that asks nothing of a model. Raises ApiError 429 or 503."""
    terms = await running.limits.terms(key)
    reservation, headers = await running.limits.reserve(terms, request_id=exchange.request_id, tokens=0)
    exchange.extra_headers += headers
    running.limits.settle(reservation, 0)


async def _forward(running: Running, exchange: Exchange, *, key: ApiKey, route: Route, wish: Wish) -> None:
    """Hold the worst to which a request may come, have it answered, and settle what it came to."""
    terms = await running.limits.terms(key, route)
    worst = worst_case(
        exchange.path, wish.fields, body_bytes=len(wish.body), context_tokens=terms.context_tokens
    )
    reservation, headers = await running.limits.reserve(
        terms, request_id=exchange.request_id, tokens=worst.tokens
    )
    exchange.extra_headers += headers
    receipt = Receipt()
    try:
        with running.judging(exchange, key, wish.model):
            await forward(running, exchange, key=key, route=route, wish=wish, receipt=receipt)
    finally:
        counted = receipt.tokens_to_count(
            held=worst.tokens,
            is_started=exchange.is_started,
            prompt=worst.prompt_tokens if wish.is_stream else None,
        )
        running.limits.settle(reservation, counted)


async def _answer_models(running: Running, exchange: Exchange, key: ApiKey) -> None:
    """`/v1/models` lists what is open; `/v1/models/{id}` is one of them, or why it is not."""
    name = exchange.decoded_path.removeprefix("/v1/models").removeprefix("/")
    if exchange.path == MODELS:
        told: dict[str, object] = {"object": "list", "data": await running.admission.models(key)}
    else:
        told = model_object((await running.admission.route(key, name)).release)
    running.meter.note_use(key_id=key.pk, client=exchange.client_name(), address=exchange.client_address())
    await exchange.answer(HTTPStatus.OK, json.dumps(told, ensure_ascii=False).encode())


gateway = Gateway()
