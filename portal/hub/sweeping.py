"""Ending the record of downloads whose carrier will not: a server that was killed, a line that was lost."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from portal.hub import links
from portal.hub.limits import SILENCE
from portal.hub.models import Carrier, Download

# nginx gives no sign of life before the end, and the largest files take hours on slow lines.
NGINX_SILENCE = timedelta(hours=24)


def end_silent(*, at: datetime | None = None) -> int:
    """End the downloads that have shown no sign of life for too long at `at` (None: now); return how many.

    What was told of them last stands as what left.
    """
    moment = at or timezone.now()
    is_nginx = Q(carrier=Carrier.NGINX)
    silent = Download.objects.filter(
        is_nginx & Q(alive_at__lt=moment - NGINX_SILENCE) | ~is_nginx & Q(alive_at__lt=moment - SILENCE),
        ended_at=None,
    )
    return sum(_end(download) for download in silent.only("link_id", "asked_bytes", "sent_bytes", "alive_at"))


@transaction.atomic
def _end(download: Download) -> bool:
    """Unless it has shown life meanwhile."""
    mine = Download.objects.filter(pk=download.pk, ended_at=None, alive_at=download.alive_at)
    if not mine.update(ended_at=F("alive_at")):
        return False
    if download.link_id is not None:
        links.settle(download.link_id, asked_bytes=download.asked_bytes, sent_bytes=download.sent_bytes)
    return True
