"""How the doors of files, batches and the account say no: always as OpenAI's error object."""

import secrets
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Concatenate, ParamSpec

import structlog
from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from playground.gateway import errors
from playground.gateway.errors import ApiError
from portal.common.refusals import Refusal
from portal.common.requests import client_address, client_name
from portal.keys.authentication import bearer_token, find_key
from portal.keys.models import ApiKey, Scope

P = ParamSpec("P")
Door = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
Handler = Callable[Concatenate[HttpRequest, ApiKey, P], HttpResponseBase]

log = structlog.get_logger(__name__)


def keyed(*, scope: Scope = Scope.INFERENCE, **handlers: Handler[P]) -> Door[P]:
    """A door for one address: a handler for each method (`get=…`), each given the key of `scope` that asks.

    Whatever goes wrong is answered in OpenAI's shape, with an x-request-id.
    """
    allowed = ", ".join(sorted(method.upper() for method in handlers))

    def door(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        request_id = f"req_{secrets.token_hex(16)}"
        try:
            token = bearer_token(request.headers.get("Authorization", ""))
            address, client = client_address(request), client_name(request)
            key = find_key(token, scope=scope, address=address, client=client)
            handler = handlers.get((request.method or "").lower())
            if handler is None:
                raise _wrong_method(allowed)
            response = handler(request, key, *args, **kwargs)
        except Refusal as refusal:
            response = answer(errors.from_refusal(refusal))
        except ApiError as error:
            response = answer(error)
        except (MultiPartParserError, SuspiciousOperation) as error:
            log.info("batch_request_unreadable", error=type(error).__name__, request_id=request_id)
            response = answer(unreadable())
        except (OperationalError, InterfaceError) as error:
            log.warning("batch_database_away", error=type(error).__name__, request_id=request_id)
            sentence = "The portal cannot look this up at present. Try again in a moment."
            response = answer(errors.away("database_unavailable", sentence))
        response["X-Request-Id"] = request_id
        return response

    return csrf_exempt(never_cache(wraps(next(iter(handlers.values())))(door)))


def answer(error: ApiError) -> HttpResponse:
    """`error` as a response."""
    return HttpResponse(
        error.body(), status=error.status, content_type="application/json", headers=error.headers
    )


def unreadable() -> ApiError:
    """What Django cannot or will not read, such as a broken form or thousands of fields."""
    return errors.bad_request("unreadable_request", "The request's headers, query or body cannot be read.")


def unknown_url() -> ApiError:
    """An address that is not there."""
    return ApiError(HTTPStatus.NOT_FOUND, "unknown_url", "There is no such endpoint below /v1.")


def require_kind(request: HttpRequest, kind: str) -> None:
    """Raise ApiError 415 for a body that is not announced as `kind`."""
    if request.content_type != kind:
        sentence = f"Send the header “Content-Type: {kind}”."
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", sentence)


def not_found(kind: str, given: str) -> ApiError:
    """Somebody else's, or nobody's: the two look the same."""
    return ApiError(HTTPStatus.NOT_FOUND, f"{kind}_not_found", f"No such {kind}: {given[:80]!r}.")


def _wrong_method(allowed: str) -> ApiError:
    sentence = f"This endpoint takes {allowed} only."
    return ApiError(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", sentence, headers={"allow": allowed})
