"""Ending the record of downloads whose carrier is gone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.hub import sweeping
from portal.hub.models import Carrier, Download, DownloadLink
from tests.hub.taking import revision, take

NOW = timezone.now()


@pytest.mark.parametrize(
    ("carrier", "silent_seconds", "ends"),
    [
        (Carrier.PORTAL, 59, False),
        (Carrier.PORTAL, 61, True),
        (Carrier.NGINX, 3600, False),
        (Carrier.NGINX, 24 * 3600 + 1, True),
    ],
)
def test_silent_download_ends_at_its_last_sign_of_life(ada, release, carrier, silent_seconds, ends):
    alive_at = NOW - timedelta(seconds=silent_seconds)
    facts = {"carrier": carrier, "alive_at": alive_at, "ended": False}
    link = DownloadLink.objects.create(
        user=ada, file=revision(release, model=1000).files.get(), public_id="x", digest="y", uses_max=1,
        left_bytes=0, expires_at="2100-01-01T00:00Z",
    )  # fmt: skip
    take(ada, release.revisions.get(), "model", sent=300, link=link, **facts)

    assert [sweeping.end_silent(at=NOW), sweeping.end_silent(at=NOW)] == [int(ends), 0]

    download = Download.objects.select_related("link").get()
    assert (download.ended_at, download.sent_bytes) == (alive_at if ends else None, 300)
    assert download.link.left_bytes == (700 if ends else 0)
