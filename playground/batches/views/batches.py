"""`/v1/batches`: https://platform.openai.com/docs/api-reference/batch."""

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from playground.batches import actions
from playground.batches.asking import read_batch, read_page
from playground.batches.errors import not_found, require_kind, unknown_url
from playground.batches.listing import page_of
from playground.batches.models import Batch
from playground.batches.objects import batch_object, list_object
from portal.common.requests import client_address
from portal.common.storable import is_storable
from portal.keys.models import ApiKey

LIMIT_MAX = 100


def create(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    """Make a batch of a file that was sent before."""
    require_kind(request, "application/json")
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
    raise unknown_url()


def _found(key: ApiKey, batch_id: str) -> Batch:
    batches = Batch.objects.visible_to_key(key).select_related("release")
    batch = batches.filter(pk=batch_id).first() if is_storable(batch_id) else None
    if batch is None:
        raise not_found("batch", batch_id)
    return batch
