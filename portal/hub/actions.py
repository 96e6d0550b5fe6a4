"""What is recorded of downloads: that one began, and how much of it left."""

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.hub.models import Download
from portal.hub.ranges import Span
from portal.keys.models import ApiKey
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.licensing.models import Acceptance
from portal.releases.models import WeightFile


@transaction.atomic
def start_download(
    file: WeightFile, *, by: User, key: ApiKey | None, span: Span, address: str | None, client: str
) -> Download:
    """Record that the bytes `span` of `file` are about to leave to `by`, under the licence they accepted.

    One ledger entry a request that is answered with bytes: a client that fetches a file
    in pieces leaves one a piece.
    """
    release = file.revision.release
    acceptance = (
        Acceptance.objects.filter(user=by, version__licence_id=release.licence_id)
        .order_by("-accepted_at")
        .first()
    )
    download = Download.objects.create(
        user=by,
        key=key,
        file=file,
        acceptance=acceptance,
        spans=[[span.first, span.last]],
        asked_bytes=span.count_bytes,
        address=address or None,
        client=client,
    )
    facts = {
        "release": release.slug,
        "commit": file.revision.commit,
        "path": file.path,
        "sha256": file.sha256,
        "spans": [[span.first, span.last]],
        "key": key.public_id if key else None,
    }
    record(Verb.WEIGHTS_DOWNLOADED, subject=download, by=by, data=facts, address=address)
    return download


def end_download(download_id: int, *, sent_bytes: int) -> None:
    """Record how many bytes really left, whether all did or the client broke off. One UPDATE."""
    Download.objects.filter(pk=download_id, ended_at=None).update(
        sent_bytes=sent_bytes, ended_at=timezone.now()
    )
