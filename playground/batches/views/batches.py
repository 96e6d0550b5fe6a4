"""`/v1/batches`: https://platform.openai.com/docs/api-reference/batch."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from playground.batches import actions
from playground.batches.asking import read_batch, read_page
from playground.batches.errors import not_found
from playground.batches.listing import page_of
from playground.batches.models import Batch
from playground.batches.objects import batch_object, list_object
from playground.gateway.errors import ApiError
from portal.common.requests import client_address
from portal.keys.models import ApiKey

LIMIT_MAX = 100


def create(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    """Make a batch of a file that was sent before."""
    batch = actions.create(read_batch(request.body), key=key, address=client_address(request))
    return JsonResponse(batch_object(batch))


def listing(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    """The owner's batches, newest first."""
    page = read_page(request.GET.dict(), limit_max=LIMIT_MAX)
    rows = page_of(Batch.objects.visible_to_key(key).select_related("release"), page)
    return JsonResponse(list_object(rows, limit=page.limit, shape=batch_object))


def retrieve(_: HttpRequest, key: ApiKey, batch_id: str) -> HttpResponseBase:
    """One batch as it stands."""
    return JsonResponse(batch_object(_found(key, batch_id)))


def cancel(request: HttpRequest, key: ApiKey, batch_id: str) -> HttpResponseBase:
    """Stop one batch."""
    batch = actions.cancel(_found(key, batch_id), by=key.user, address=client_address(request))
    return JsonResponse(batch_object(batch))


def unknown(_: HttpRequest, __: ApiKey, rest: str) -> HttpResponseBase:  # noqa: ARG001 - the address's
    """Whatever else lies below."""
    raise ApiError(HTTPStatus.NOT_FOUND, "unknown_url", "There is no such endpoint below /v1.")


def _found(key: ApiKey, batch_id: str) -> Batch:
    batch = Batch.objects.visible_to_key(key).select_related("release").filter(pk=batch_id).first()
    if batch is None:
        raise not_found("batch", batch_id)
    return batch
