"""`/v1/files`: https://platform.openai.com/docs/api-reference/files."""

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse

from playground.batches import actions, storage
from playground.batches.asking import read_choice, read_page
from playground.batches.errors import not_found, require_kind
from playground.batches.listing import page_of
from playground.batches.models import ApiFile, Purpose
from playground.batches.objects import file_object, list_object
from playground.gateway.errors import bad_request
from portal.common.storable import is_storable
from portal.keys.models import ApiKey

LIMIT_MAX = 10_000
ORDERS = ("asc", "desc")


def upload(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    """Keep a file of requests: a multipart form with `file` and `purpose`."""
    require_kind(request, "multipart/form-data")
    # To disk as it comes; none of it is held in memory.
    request.upload_handlers = [TemporaryFileUploadHandler(request)]
    given, purpose = request.FILES.get("file"), request.POST.get("purpose")
    if purpose != Purpose.BATCH:
        raise bad_request("invalid_purpose", "“purpose” must be “batch”.", param="purpose")
    if not isinstance(given, UploadedFile):
        sentence = "Send the file in the field “file” of a multipart form."
        raise bad_request("missing_required_parameter", sentence, param="file")
    file = actions.keep_file(
        key, filename=given.name or "", pieces=given.chunks(), size_bytes=given.size or 0
    )
    return JsonResponse(file_object(file))


def listing(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    """The owner's files, newest first; `purpose` and `order` as OpenAI has them."""
    page = read_page(request.GET.dict(), limit_max=LIMIT_MAX)
    purpose = read_choice(request.GET.dict(), "purpose", among=Purpose.values)
    order = read_choice(request.GET.dict(), "order", among=ORDERS)
    files = ApiFile.objects.visible_to_key(key)
    if purpose:
        files = files.filter(purpose=purpose)
    rows = page_of(files, page, is_ascending=order == "asc")
    return JsonResponse(list_object(rows, limit=page.limit, shape=file_object))


def retrieve(_: HttpRequest, key: ApiKey, file_id: str) -> HttpResponseBase:
    """One file's facts."""
    return JsonResponse(file_object(_found(key, file_id)))


def content(_: HttpRequest, key: ApiKey, file_id: str) -> HttpResponseBase:
    """One file's bytes."""
    return download(_found(key, file_id))


def delete(_: HttpRequest, key: ApiKey, file_id: str) -> HttpResponseBase:
    """Delete one file."""
    file = _found(key, file_id)
    actions.delete_file(file)
    return JsonResponse({"id": file.pk, "object": "file", "deleted": True})


def download(file: ApiFile, *, filename: str = "") -> HttpResponseBase:
    """The bytes of `file` as an attachment called `filename` (by its id), a piece at a time in memory."""
    if not file.path.exists():
        raise not_found("file", file.pk)
    response = StreamingHttpResponse(storage.pieces_of(file.path), content_type="application/jsonl")
    response["Content-Length"] = str(file.size_bytes)
    response["Content-Disposition"] = f'attachment; filename="{filename or file.pk + ".jsonl"}"'
    return response


def _found(key: ApiKey, file_id: str) -> ApiFile:
    files = ApiFile.objects.visible_to_key(key)
    file = files.filter(pk=file_id).first() if is_storable(file_id) else None
    if file is None:
        raise not_found("file", file_id)
    return file
