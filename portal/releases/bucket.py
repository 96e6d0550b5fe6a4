"""Object storage that holds a copy of every blob, and gives it out by presigned links."""

from collections.abc import Callable
from typing import Any

from django.conf import settings

from portal.common.refusals import Refusal
from portal.releases import objectstorage
from portal.releases.models import stored_at
from portal.releases.objectstorage import Place

# Several files are sent at a time, each in a few parts at a time; a part that breaks is sent again.
PART_BYTES = 64 * 1024 * 1024
PARTS_AT_ONCE = 4


class BucketAway(Refusal):
    """The object storage did not take or show a blob, and why."""


def upload(sha256: str, *, on_bytes: Callable[[int], None] = lambda _: None) -> bool:
    """Copy a blob of the store into the bucket; return False when it was there, with the same size.

    Reads it in parts; `on_bytes` is called from several threads with the size of each piece
    sent, and may end it by raising.

    Raises BucketAway, and OSError when the store has lost the blob.
    """
    path = stored_at(sha256)
    size_bytes = path.stat().st_size
    if _size_of(sha256) == size_bytes:
        return False
    transfer = objectstorage.boto().TransferConfig(
        multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=PARTS_AT_ONCE
    )
    try:
        objectstorage.client().upload_file(str(path), **_where(sha256), Config=transfer, Callback=on_bytes)
    except objectstorage.failures() as error:
        raise _away(error) from error
    if _size_of(sha256) != size_bytes:
        raise BucketAway("bucket", f"{objectstorage.endpoint()} did not keep all of sha256:{sha256[:12]}.")
    return True


def holds(sha256: str) -> bool:
    """Whether the bucket has the blob. One request. Raises BucketAway."""
    return _size_of(sha256) is not None


def presigned_url(sha256: str, *, filename: str, seconds: int) -> str:
    """An address that gives the blob for `seconds` to whoever has it, under `filename`. No I/O.

    `filename` is percent-encoded, as a header's `filename*` takes it (RFC 6266).

    Raises BucketAway without an access key.
    """
    where = _where(sha256) | {"ResponseContentDisposition": f"attachment; filename*=UTF-8''{filename}"}
    try:
        return str(
            objectstorage.client().generate_presigned_url("get_object", Params=where, ExpiresIn=seconds)
        )
    except objectstorage.failures() as error:
        raise _away(error) from error


def _place() -> Place:
    return objectstorage.place(settings.WEIGHTS_BUCKET)


def _where(sha256: str) -> dict[str, Any]:
    place = _place()
    return {"Bucket": place.bucket, "Key": place.key(f"sha256/{sha256[:2]}/{sha256}")}


def _size_of(sha256: str) -> int | None:
    try:
        return int(objectstorage.client().head_object(**_where(sha256))["ContentLength"])
    except objectstorage.failures() as error:
        if objectstorage.is_gone(error):
            return None
        raise _away(error) from error


def _away(error: Exception) -> BucketAway:
    sentence = objectstorage.sentence(error, bucket=_place().bucket, need="read and write")
    return BucketAway("bucket", sentence, status=503)
