"""What is recorded of downloads: that one began, how much of it left, and that one was cut off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import BigIntegerField, Case, F, Q, Value, When
from django.utils import timezone

from portal.accounts.models import User
from portal.hub import limits, links
from portal.hub.callers import reference_of
from portal.hub.models import Carrier, Download, DownloadLink
from portal.keys.authentication import note_use
from portal.keys.models import ApiKey
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.licensing.models import Acceptance
from portal.releases.models import WeightFile


@dataclass(frozen=True, slots=True)
class Wish:
    """A request for bytes: whose, of what, which ranges (first and last byte, both included), from where."""

    user: User
    file: WeightFile
    spans: Sequence[tuple[int, int]]
    key: ApiKey | None = None
    link: DownloadLink | None = None
    address: str = ""
    client: str = ""
    connection: str = ""

    @property
    def asked_bytes(self) -> int:
        """How many bytes these are."""
        return sum(last - first + 1 for first, last in self.spans)


@transaction.atomic
def start_download(wish: Wish, *, carrier: Carrier) -> Download:
    """Record that bytes are about to leave, under the licence that the person accepted.

    One ledger entry a request that is answered with bytes: a client that fetches a file
    in pieces leaves one a piece. Up to nine queries.

    Raises Refusal when the person has had enough for today or at once, and when the link
    is used up.
    """
    # The lock makes the count hold against requests of the same person at the same moment.
    User.objects.select_for_update(no_key=True).only("pk").get(pk=wish.user.pk)
    _require_room(wish)
    release = wish.file.revision.release
    # Object storage does not tell what left, so there all of it counts at once.
    is_told = carrier != Carrier.BUCKET
    now = timezone.now()
    download = Download.objects.create(
        user=wish.user,
        key=wish.key,
        link=wish.link,
        file=wish.file,
        acceptance=_acceptance(wish.user, release.licence_id),
        spans=[list(span) for span in wish.spans],
        asked_bytes=wish.asked_bytes,
        sent_bytes=0 if is_told else wish.asked_bytes,
        carrier=carrier,
        address=wish.address or None,
        client=wish.client,
        connection=wish.connection,
        started_at=now,
        alive_at=now,
        ended_at=None if is_told else now,
    )
    if wish.key is not None:
        note_use(wish.key, address=wish.address, client=wish.client)
    facts = {
        "release": release.slug,
        "commit": wish.file.revision.commit,
        "path": wish.file.path,
        "sha256": wish.file.sha256,
        "spans": [list(span) for span in wish.spans],
        "key": wish.key.public_id if wish.key else None,
        "link": wish.link.public_id if wish.link else None,
    }
    record(Verb.WEIGHTS_DOWNLOADED, subject=download, by=wish.user, data=facts, address=wish.address or None)
    return download


@transaction.atomic
def end_download(download_id: int, *, sent_bytes: int) -> bool:
    """Record how many bytes really left, whether all did or the client broke off.

    Returns whether that was news: calling it again does nothing, but who was taken for dead
    and tells later that more left is believed. Three statements at most.
    """
    open_or_less = Q(ended_at=None) | Q(sent_bytes__lt=sent_bytes)
    rows = Download.objects.filter(open_or_less, pk=download_id).select_for_update(no_key=True)
    found = rows.only("link_id", "asked_bytes", "sent_bytes", "ended_at").first()
    if found is None:
        return False
    now = timezone.now()
    Download.objects.filter(pk=download_id).update(sent_bytes=sent_bytes, ended_at=now, alive_at=now)
    if found.link_id:
        # What was given back when it was ended before is taken again.
        reserved = found.asked_bytes if found.ended_at is None else found.sent_bytes
        links.settle(found.link_id, asked_bytes=reserved, sent_bytes=sent_bytes)
    return True


@transaction.atomic
def cut_download(download_id: int, *, reason: str) -> None:
    """Record that the portal ended a running download, because its owner may not have the rest."""
    download = Download.objects.select_related("user", "file").get(pk=download_id)
    if download.cut_reason:
        return
    Download.objects.filter(pk=download_id).update(cut_reason=reason[:300])
    record(Verb.DOWNLOAD_CUT, subject=download, by=None, data={"user": download.user_id, "reason": reason})


def note_progress(sent_bytes: Mapping[int, int]) -> None:
    """Record how far the running downloads are (by id), and so that their server lives. One statement."""
    if sent_bytes:
        cases = [When(pk=pk, then=Value(sent)) for pk, sent in sent_bytes.items()]
        Download.objects.filter(pk__in=sent_bytes, ended_at=None).update(
            sent_bytes=Case(*cases, default=F("sent_bytes"), output_field=BigIntegerField()),
            alive_at=timezone.now(),
        )


def _require_room(wish: Wish) -> None:
    taken = limits.spent(wish.user.pk)
    reference = reference_of(wish.key, wish.link)
    refusal = limits.refuse_another(taken, reference=reference) or limits.refuse_bytes(
        taken, asked_bytes=wish.asked_bytes, reference=reference
    )
    if refusal is not None:
        raise refusal
    if wish.link is not None and not links.reserve(wish.link, wish.asked_bytes):
        raise links.used_up(wish.link)


def _acceptance(user: User, licence_id: int) -> Acceptance | None:
    mine = Acceptance.objects.filter(user=user, version__licence_id=licence_id)
    return mine.order_by("-accepted_at").first()
