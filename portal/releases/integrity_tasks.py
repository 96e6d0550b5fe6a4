"""Tasks that keep weights provable: signing for revisions, and reading the store again."""

import structlog
from celery import shared_task

from portal.accounts.models import User
from portal.releases import scrubbing, signing
from portal.releases.models import Blob, Revision
from portal.releases.signing_keys import UnusableKey, current_key

log = structlog.get_logger(__name__)


@shared_task
def sign_revision(*, revision_id: int) -> None:
    """Sign for one revision that nobody has signed for; without a key, the sweep does it later."""
    revision = Revision.objects.filter(pk=revision_id, manifest=None).first()
    if revision is None:
        return
    try:
        signing.sign(revision)
    except UnusableKey as refusal:
        log.warning("revision_unsigned", revision_id=revision_id, reason=refusal.sentence)


@shared_task
def sign_unsigned() -> None:
    """Have every revision signed that has no manifest, if there is a key."""
    try:
        has_key = current_key() is not None
    except UnusableKey as refusal:
        log.warning("revisions_unsigned", reason=refusal.sentence)
        return
    if has_key:
        for revision_id in Revision.objects.filter(manifest=None).values_list("pk", flat=True):
            sign_revision.delay(revision_id=revision_id)


@shared_task
def scrub_tonight() -> None:
    """Read the next part of the store again, within the night's bytes."""
    scrubbing.scrub_tonight()


@shared_task
def check_blob(*, sha256: str, by_id: int | None = None, address: str | None = None) -> None:
    """Read one blob again, as staff asked or since its bytes were replaced."""
    blob = Blob.objects.filter(pk=sha256).first()
    if blob is not None:
        by = User.objects.filter(pk=by_id).first() if by_id is not None else None
        scrubbing.check(blob, by=by, address=address)
