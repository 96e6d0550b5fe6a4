"""So many bytes a day and so many downloads at once: never exceeded, and told in words."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.hub import actions, limits
from portal.hub.actions import Wish
from portal.hub.models import Carrier, Download
from tests.hub.conftest import HUB, WEIGHTS, body

FILE = f"{HUB}/model.safetensors"
SIZE = len(WEIGHTS)


@pytest.fixture
def file(revision):
    found = revision.files.get(path="model.safetensors")
    found.revision.release = revision.release
    return found


def test_ada_is_told_when_the_day_is_spent(client, bearer, revision, settings):
    settings.DOWNLOAD_BYTES_PER_DAY = SIZE + 10
    assert client.get(FILE, headers=bearer).status_code == 200

    again = client.get(FILE, headers=bearer)
    rest = client.get(FILE, headers=bearer | {"Range": "bytes=0-9"})
    head = client.head(FILE, headers=bearer)

    assert (again.status_code, again["X-Error-Code"]) == (403, "GatedRepo")
    assert (
        "You have downloaded 1.0 MB today, and one person may download 1.0 MB a day"
        in again["X-Error-Message"]
    )
    assert rest.status_code == 206
    assert (head.status_code, head["X-Error-Code"]) == (403, "GatedRepo")
    assert head["X-HF-Warning"].startswith("access; You have downloaded")
    assert Download.objects.count() == 2


def test_yesterdays_bytes_count_no_more(client, bearer, revision, settings):
    settings.DOWNLOAD_BYTES_PER_DAY = SIZE
    client.get(FILE, headers=bearer)
    Download.objects.update(started_at=timezone.now() - timedelta(days=1))

    assert client.get(FILE, headers=bearer).status_code == 200


def test_what_is_under_way_counts_with_all_it_was_asked_for(ada, file, settings):
    settings.DOWNLOAD_BYTES_PER_DAY = SIZE + SIZE // 2
    begun = actions.start_download(Wish(ada, file, [(0, SIZE - 1)]), carrier=Carrier.PORTAL)

    with pytest.raises(limits.Refusal) as refused:
        actions.start_download(Wish(ada, file, [(0, SIZE - 1)]), carrier=Carrier.PORTAL)
    actions.end_download(begun.pk, sent_bytes=10)

    assert refused.value.code == "bytes_per_day"
    actions.start_download(Wish(ada, file, [(0, SIZE - 1)]), carrier=Carrier.PORTAL)


def test_ada_has_as_many_downloads_at_once_as_she_may(client, bearer, ada, file, settings):
    settings.DOWNLOADS_AT_ONCE = 2
    begun = [actions.start_download(Wish(ada, file, [(0, 9)]), carrier=Carrier.PORTAL) for _ in range(2)]

    refused = client.get(FILE, headers=bearer)
    head = client.head(FILE, headers=bearer)
    actions.end_download(begun[0].pk, sent_bytes=10)
    allowed = client.get(FILE, headers=bearer)

    assert (refused.status_code, refused["Retry-After"]) == (429, "5")
    assert "You have 2 downloads under way" in refused.json()["error"]
    assert head.status_code == 200
    assert (allowed.status_code, body(allowed)) == (200, WEIGHTS)


def test_downloads_of_a_server_that_was_killed_hold_nobody_up(client, bearer, ada, file, settings):
    settings.DOWNLOADS_AT_ONCE = 1
    actions.start_download(Wish(ada, file, [(0, 9)]), carrier=Carrier.PORTAL)
    Download.objects.update(alive_at=timezone.now() - limits.SILENCE * 2)

    assert client.get(FILE, headers=bearer).status_code == 200


def test_another_persons_downloads_count_for_nothing(client, bearer, mallory, file, settings):
    settings.DOWNLOADS_AT_ONCE, settings.DOWNLOAD_BYTES_PER_DAY = 1, SIZE
    actions.start_download(Wish(mallory, file, [(0, SIZE - 1)]), carrier=Carrier.PORTAL)

    assert client.get(FILE, headers=bearer).status_code == 200


def test_progress_is_recorded_for_all_at_once(ada, file, django_assert_num_queries):
    pks = [actions.start_download(Wish(ada, file, [(0, 99)]), carrier=Carrier.PORTAL).pk for _ in range(3)]

    with django_assert_num_queries(1):
        actions.note_progress({pk: 10 + number for number, pk in enumerate(pks)})

    assert list(Download.objects.order_by("pk").values_list("sent_bytes", flat=True)) == [10, 11, 12]


def test_the_end_of_a_download_is_recorded_once(ada, file):
    begun = actions.start_download(Wish(ada, file, [(0, 99)]), carrier=Carrier.PORTAL)

    actions.end_download(begun.pk, sent_bytes=50)
    actions.end_download(begun.pk, sent_bytes=0)

    assert Download.objects.get().sent_bytes == 50
