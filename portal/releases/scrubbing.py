"""Scrubbing: each night some of the store is read again, and what is damaged goes out of service."""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import holders_of
from portal.common import mail
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases import store
from portal.releases.models import Blob, WeightFile
from portal.releases.rereading import Pace, StoreAway, damage_of

# One run of the task: it begins no further file after so long.
ROUND_SECONDS = 240.0
# Without a sign of life for so long, another run takes over.
TURN_SECONDS = 120
TURN_KEY = "scrubbing"
# A dying disk damages files by the hundred, and the first mails say what there is to say.
MAILS_PER_HOUR = 5
# The file system's clock is not the database's.
CLOCK_SLACK = timedelta(seconds=2)
# How soon a file that was written to is asked to be read again.
TOUCHED_AGAIN_SECONDS = 60

log = structlog.get_logger(__name__)


def scrub_tonight() -> int:
    """Read the blobs whose last reading is longest ago, for one round; return how many were read.

    A night is a day of UTC. It ends once WEIGHTS_SCRUB_BYTES_PER_NIGHT are read, whoever
    read them and in however many rounds; only a blob larger than that is read all the
    same, as the night's first. Two rounds never run at once.
    """
    night = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    ends_at, count = time.monotonic() + ROUND_SECONDS, 0
    with _turn() as stay:
        while stay is not None and time.monotonic() < ends_at and (blob := _next(night)) is not None:
            try:
                check(blob, on_bytes=stay)
            except StoreAway as refusal:
                log.error("scrubbing_stopped", reason=refusal.sentence)  # noqa: TRY400 - it is an answer
                break
            count += 1
    return count


def check(
    blob: Blob,
    *,
    by: User | None = None,
    address: str | None = None,
    on_bytes: Callable[[], None] = lambda: None,
) -> str:
    """Read `blob` again and act on it: out of service, back into service, or only noted as whole.

    Returns what is wrong in a few words, "" for nothing. Takes as long as
    WEIGHTS_SCRUB_BYTES_PER_SECOND makes it.

    Raises StoreAway.
    """
    found = damage_of(blob, pace=Pace(settings.WEIGHTS_SCRUB_BYTES_PER_SECOND), on_bytes=on_bytes)
    if found:
        damage(blob, reason=found, by=by, address=address)
    else:
        restore(blob, by=by, address=address)
    return found


@transaction.atomic
def damage(blob: Blob, *, reason: str, by: User | None = None, address: str | None = None) -> None:
    """Take a blob whose bytes are not what was registered out of service, and tell the staff, once.

    Nothing is deleted. A blob that is out of service already keeps its date and gets the newer reason.
    """
    now = timezone.now()
    rows = Blob.objects.filter(pk=blob.pk)
    is_new = rows.filter(damaged_at=None).update(damaged_at=now)
    rows.update(damage=reason[:300], scrubbed_at=now)
    blob.refresh_from_db()
    if not is_new:
        return
    files = list(files_of(blob))
    facts = {"sha256": blob.sha256, "reason": blob.damage, "files": [_fact(file) for file in files]}
    record(Verb.BLOB_DAMAGED, subject=blob, by=by, data=facts, address=address)
    log.error("stored_file_damaged", sha256=blob.sha256, reason=blob.damage)
    _tell(blob, files)


@transaction.atomic
def restore(blob: Blob, *, by: User | None = None, address: str | None = None) -> None:
    """Note that all of `blob` was read and is whole; put it back into service if it was out."""
    rows = Blob.objects.filter(pk=blob.pk)
    was_damaged = rows.out_of_service().update(damaged_at=None, damage="")
    rows.update(scrubbed_at=timezone.now())
    blob.refresh_from_db()
    if was_damaged:
        facts = {"sha256": blob.sha256, "files": [_fact(file) for file in files_of(blob)]}
        record(Verb.BLOB_RESTORED, subject=blob, by=by, data=facts, address=address)


def is_untrusted(sha256: str) -> bool:
    """Whether these bytes are not to be given out: found damaged, or written to since they were last read.

    Bytes of the second kind are read again soon, and given out again if they are whole. One query.
    """
    blob = Blob.objects.filter(pk=sha256).first()
    if blob is None or blob.damaged_at is not None:
        return blob is not None
    read_at = max(blob.created_at, blob.scrubbed_at or blob.created_at)
    if not store.was_touched(sha256, since=read_at + CLOCK_SLACK):
        return False
    log.error("stored_file_touched", sha256=sha256)
    if cache.add(f"touched-{sha256}", 1, TOUCHED_AGAIN_SECONDS):
        current_app.send_task("portal.releases.integrity_tasks.check_blob", kwargs={"sha256": sha256})
    return True


def files_of(blob: Blob) -> Iterator[WeightFile]:
    """The files of all revisions that name these bytes. One query."""
    named = WeightFile.objects.filter(sha256=blob.sha256).select_related("revision__release")
    return iter(named.order_by("revision__release__slug", "revision_id", "path"))


def _next(night: datetime) -> Blob | None:
    """The blob to read next, if the night has room for it. Two queries."""
    blob = Blob.objects.to_scrub(before=night).first()
    if blob is None:
        return None
    read = Blob.objects.filter(scrubbed_at__gte=night).aggregate(total=Sum("size_bytes"))["total"] or 0
    fits = read + blob.size_bytes <= settings.WEIGHTS_SCRUB_BYTES_PER_NIGHT
    return blob if fits or read == 0 else None


@contextlib.contextmanager
def _turn() -> Iterator[Callable[[], None] | None]:
    """The right to read, with what to call while reading to keep it; None when another run has it."""
    mine = uuid4().hex
    if not cache.add(TURN_KEY, mine, TURN_SECONDS):
        yield None
        return
    told_at = time.monotonic()

    def stay() -> None:
        nonlocal told_at
        if time.monotonic() - told_at > TURN_SECONDS / 4:
            cache.touch(TURN_KEY, TURN_SECONDS)
            told_at = time.monotonic()

    try:
        yield stay
    finally:
        if cache.get(TURN_KEY) == mine:
            cache.delete(TURN_KEY)


def _fact(file: WeightFile) -> dict[str, str]:
    return {"release": file.revision.release.slug, "commit": file.revision.commit, "path": file.path}


def _tell(blob: Blob, files: list[WeightFile]) -> None:
    hour_ago = timezone.now() - timedelta(hours=1)
    count = Blob.objects.out_of_service().filter(damaged_at__gt=hour_ago).count()
    if count > MAILS_PER_HOUR:
        return
    slugs = {file.revision.release.slug for file in files}
    path = f"/console/releases/{slugs.pop()}/" if len(slugs) == 1 else "/console/releases/"
    for person in holders_of("releases.manage_release"):
        mail.send(
            "weights_damaged",
            to=person.email,
            subject="A weight file is damaged and out of service",
            context={
                "person": person,
                "blob": blob,
                "files": files,
                "path": path,
                "is_last": count == MAILS_PER_HOUR,
            },
        )
