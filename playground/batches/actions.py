"""What people and their programs do: files are kept and deleted, batches are made and cancelled."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from playground.batches import dispatching, storage
from playground.batches.asking import BatchWish
from playground.batches.models import MOVES, ApiFile, Batch, BatchStatus, Purpose, new_file_id
from portal.access.deciding import releases_allowed
from portal.access.decision import Action
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.keys.models import ApiKey, ServiceAccount
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

WINDOW = timedelta(hours=24)
FILENAME_CHARACTERS_MAX = 255


def require_room(key: ApiKey, *, size_bytes: int) -> None:
    """Refuse a file for which the owner of `key` has no use or no room. Three queries at most.

    Raises Refusal: `no_model_open` (403), `file_too_large` or `storage_full` (413).
    """
    if not releases_allowed(key.user, Action.INFERENCE).exists():
        raise Refusal(
            "no_model_open",
            "No model is open to you through the API, so there is nothing to ask in a batch.",
            status=403,
            remedy="/dashboard/",
        )
    if size_bytes > settings.BATCH_FILE_BYTES_MAX:
        raise Refusal(
            "file_too_large",
            f"A file may have {settings.BATCH_FILE_BYTES_MAX:,} bytes at most. Split it into several.",
            status=413,
        )
    held = ApiFile.objects.visible_to_key(key).aggregate(bytes=models.Sum("size_bytes"))["bytes"] or 0
    if held + size_bytes > settings.BATCH_BYTES_PER_PERSON:
        raise Refusal(
            "storage_full",
            f"Your files hold {held:,} of {settings.BATCH_BYTES_PER_PERSON:,} bytes, which leaves no room for"
            f" {size_bytes:,} more. Delete some: DELETE /v1/files/{{id}}.",
            status=413,
        )


def keep_file(key: ApiKey, *, filename: str, pieces: Iterable[bytes], size_bytes: int) -> ApiFile:
    """Keep a file of requests that a program with `key` sent. Raises Refusal as `require_room` does."""
    file_id = new_file_id()
    require_room(key, size_bytes=size_bytes)
    written = storage.write(file_id, pieces)
    try:
        with transaction.atomic():
            _lock_owner(key)
            require_room(key, size_bytes=written)
            now = timezone.now()
            return ApiFile.objects.create(
                pk=file_id,
                user_id=key.user_id,
                service_account_id=key.service_account_id,
                purpose=Purpose.BATCH,
                filename=filename.replace("\0", "")[:FILENAME_CHARACTERS_MAX] or "requests.jsonl",
                size_bytes=written,
                created_at=now,
                expires_at=now + timedelta(days=settings.BATCH_FILE_DAYS),
            )
    except BaseException:
        storage.remove(file_id)
        raise


@transaction.atomic
def delete_file(file: ApiFile) -> None:
    """Delete a file and its bytes. Raises Refusal `file_in_use` while a batch reads it."""
    row = ApiFile.objects.select_for_update().get(pk=file.pk)
    if Batch.objects.live().filter(input_file=row).exists():
        raise Refusal("file_in_use", "A batch reads this file. Cancel the batch first, or wait for its end.")
    forget_file(row)


def forget_file(row: ApiFile) -> None:
    """Mark a locked row as deleted, and remove its bytes on commit."""
    if row.deleted_at is None:
        row.deleted_at = timezone.now()
        row.save(update_fields=["deleted_at"])
    transaction.on_commit(partial(storage.remove, row.pk))


def forget_expired(*, at: datetime | None = None) -> int:
    """Forget the files that are over at `at` (None: now), unless a batch still reads them; how many."""
    now = at or timezone.now()
    read = Batch.objects.live().values("input_file")
    over = ApiFile.objects.filter(deleted_at=None, expires_at__lte=now).exclude(pk__in=read)
    ids = list(over.values_list("pk", flat=True))
    for file_id in ids:
        with transaction.atomic():
            forget_file(ApiFile.objects.select_for_update().get(pk=file_id))
    return len(ids)


def start(
    key: ApiKey,
    *,
    filename: str,
    pieces: Iterable[bytes],
    size_bytes: int,
    endpoint: str,
    by: User,
    address: str,
) -> Batch:
    """Keep a file of requests and make a batch of it under `key`, or do neither.

    Raises Refusal as `keep_file` and `create` do.
    """
    file = keep_file(key, filename=filename, pieces=pieces, size_bytes=size_bytes)
    seconds = settings.BATCH_FILE_DAYS * 24 * 3600
    wish = BatchWish(input_file_id=file.pk, endpoint=endpoint, output_seconds=seconds)
    try:
        return create(wish, key=key, by=by, address=address)
    except Refusal:
        delete_file(file)
        raise


@transaction.atomic
def create(wish: BatchWish, *, key: ApiKey, by: User | None = None, address: str | None = None) -> Batch:
    """Make a batch of a file, to be checked and worked on by the batch workers.

    `by` is the person who asks for it; None: a program with the key, which acts for its owner.

    Raises Refusal: `file_not_found` (404), `wrong_purpose` (400) or `too_many_batches` (429).
    """
    _lock_owner(key)
    # The lock keeps the file from being deleted between this look and the batch.
    file = ApiFile.objects.visible_to_key(key).select_for_update().filter(pk=wish.input_file_id).first()
    if file is None:
        raise Refusal("file_not_found", f"No such file: {wish.input_file_id[:80]!r}.", status=404)
    if file.purpose != Purpose.BATCH:
        raise Refusal("wrong_purpose", "Only a file with the purpose “batch” can be asked.", status=400)
    if Batch.objects.visible_to_key(key).live().count() >= settings.BATCHES_LIVE_PER_PERSON:
        raise Refusal(
            "too_many_batches",
            f"{settings.BATCHES_LIVE_PER_PERSON} batches of yours are not over yet. Wait for one to end, or"
            " cancel one.",
            status=429,
        )
    now = timezone.now()
    batch = Batch.objects.create(
        user_id=key.user_id,
        service_account_id=key.service_account_id,
        key=key,
        input_file=file,
        endpoint=wish.endpoint,
        completion_window=wish.completion_window,
        metadata=wish.metadata,
        output_seconds=wish.output_seconds,
        created_at=now,
        expires_at=now + WINDOW,
        sent_at=now,
    )
    record(
        Verb.BATCH_CREATED,
        subject=batch,
        by=by or key.user,
        address=address,
        data={"key": key.public_id, "endpoint": wish.endpoint, "bytes": file.size_bytes},
    )
    dispatching.enqueue(batch)
    return batch


@transaction.atomic
def cancel(batch: Batch, *, by: User, address: str | None = None) -> Batch:
    """Stop a batch; what was answered is kept. Pressed twice it stops once.

    Raises Refusal when it is over already, or is writing its files.
    """
    row = Batch.objects.select_for_update().get(pk=batch.pk)
    if row.status in {BatchStatus.CANCELLING, BatchStatus.CANCELLED}:
        return row
    if not row.is_cancellable:
        raise Refusal(
            "batch_not_cancellable",
            f"This batch is {row.get_status_display().lower()} and cannot be cancelled any more.",
        )
    move(row, BatchStatus.CANCELLING, moves=MOVES, cancelling_at=timezone.now())
    record(
        Verb.BATCH_CANCELLED,
        subject=row,
        by=by,
        address=address,
        data={"completed": row.completed_count, "total": row.total_count},
    )
    dispatching.enqueue(row)
    return row


def _lock_owner(key: ApiKey) -> None:
    """Hold the owner's row, so that counts hold against a second request at the same time."""
    if key.service_account_id is not None:
        ServiceAccount.objects.select_for_update().get(pk=key.service_account_id)
    else:
        User.objects.select_for_update().get(pk=key.user_id)
