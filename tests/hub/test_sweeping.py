"""Ending the record of downloads whose carrier is gone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.hub import counting, holders, sweeping
from portal.hub.actions import end_download
from portal.hub.models import Carrier, Download, DownloadLink, Tally
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


def test_server_that_was_taken_for_dead_is_believed_when_it_tells_of_more(ada, release):
    weights = revision(release, model=1000)
    link = DownloadLink.objects.create(
        user=ada, file=weights.files.get(), public_id="x", digest="y", uses_max=1,
        left_bytes=0, expires_at="2100-01-01T00:00Z",
    )  # fmt: skip
    alive_at = NOW - timedelta(minutes=2)
    made = take(ada, weights, "model", sent=300, link=link, ended=False, alive_at=alive_at)
    sweeping.end_silent(at=NOW)
    counting.count_ended()

    told = [end_download(made.pk, sent_bytes=sent) for sent in (200, 900, 900, 100)]
    counting.count_ended()

    assert told == [False, True, False, False]
    link.refresh_from_db()
    assert link.left_bytes == 100
    assert holders.page_of(weights)[0].held_bytes == 900
    assert Tally.objects.values_list("request_count", "sent_bytes").get() == (1, 900)
