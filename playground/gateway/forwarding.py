"""A request on its way to the model server, and every way in which that can fail in words."""

import asyncio
from http import HTTPStatus

from django.conf import settings

from playground import readiness
from playground.gateway import errors, guarding, metrics
from playground.gateway.admission import Route
from playground.gateway.backends import UpstreamAway
from playground.gateway.connection import UpstreamLost, UpstreamSilent
from playground.gateway.dialects import DIALECTS
from playground.gateway.errors import ApiError, ClientGone
from playground.gateway.exchange import Exchange
from playground.gateway.metering import CLIENT_LEFT, Receipt
from playground.gateway.queueing import UpstreamFull
from playground.gateway.relaying import relay
from playground.gateway.running import Running
from playground.gateway.wishes import Wish
from portal.keys.models import ApiKey
from portal.releases.models import Release


async def forward(
    running: Running, exchange: Exchange, *, key: ApiKey, route: Route, wish: Wish, receipt: Receipt
) -> None:
    """Have the model server answer, and note in `receipt` and the meter what was used, however it ends.

    Raises ApiError and ClientGone.
    """
    try:
        async with exchange.watched():
            await _ask(running, exchange, key=key, route=route, wish=wish, receipt=receipt)
    except ApiError as error:
        receipt.status = error.status
        raise
    except ClientGone:
        receipt.status = receipt.status or CLIENT_LEFT
        raise
    finally:
        metrics.count(receipt, release=route.release.slug)
        running.meter.note(
            receipt,
            key_id=key.pk,
            release_id=route.release.pk,
            client=exchange.client_name(),
            address=exchange.client_address(),
        )


async def _ask(
    running: Running, exchange: Exchange, *, key: ApiKey, route: Route, wish: Wish, receipt: Receipt
) -> None:
    if not route.base_url:
        raise errors.away("model_unavailable", "No model server is set up here yet. The portal's staff can.")
    dialect = DIALECTS[exchange.path]
    backend = running.backends.at(route.base_url, api_key=route.api_key)
    try:
        async with backend.ask(
            exchange.path,
            wish.for_backend(
                route.served_model_name,
                cache_salt=guarding.cache_salt(key.user_id),
                asks_usage=dialect.asks_usage,
                added=dialect.added,
            ),
            request_id=exchange.request_id,
            timeout_seconds=settings.GATEWAY_ANSWER_TIMEOUT_SECONDS,
        ) as connection:
            await relay(connection, exchange, wish=wish, receipt=receipt)
    except UpstreamAway as away:
        raise await _away(route.release) from away
    except UpstreamFull as full:
        raise errors.away(
            "model_overloaded", "Too many requests wait for this model. Try again soon."
        ) from full
    except UpstreamLost as lost:
        _fail_if_started(exchange, receipt)
        raise errors.model_server_lost() from lost
    except UpstreamSilent as silent:
        _fail_if_started(exchange, receipt)
        raise errors.model_server_silent() from silent


def _fail_if_started(exchange: Exchange, receipt: Receipt) -> None:
    """Leave an answer that has begun without its end, so that the server cuts the client's connection."""
    if exchange.is_started:
        receipt.status = HTTPStatus.BAD_GATEWAY
        raise ClientGone


async def _away(release: Release) -> ApiError:
    """Why nobody answers: the model is still loading, or it is away."""
    status = await asyncio.to_thread(readiness.status_of, release)
    if status.is_loading:
        return errors.away(
            "model_loading",
            f"The model is still loading: it is {status.doing}, for {status.seconds} s so far. "
            "Try again in a moment.",
            retry_after_seconds=10,
        )
    return errors.away(
        "model_unavailable", "The model server does not answer at present. Try again in a moment."
    )
