"""The page of a person's own downloads."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.console.releases_forms import ReleaseForm
from portal.hub import links
from portal.hub.download_pages import DOWNLOADS_A_PAGE
from portal.hub.models import Download
from portal.keys import actions as keys
from portal.keys.models import Scope

PAGE = "/releases/downloads/"


@pytest.fixture
def file(revision):
    return revision.files.get(path="model.safetensors")


def downloaded(file, user, **facts) -> Download:
    """A download that ended well, unless `facts` say otherwise."""
    whole = {
        "spans": [[0, file.size_bytes - 1]],
        "asked_bytes": file.size_bytes,
        "sent_bytes": file.size_bytes,
        "ended_at": timezone.now(),
    }
    return Download.objects.create(file=file, user=user, **(whole | facts))


def test_a_stranger_signs_in_first(client, db):
    assert client.get(PAGE)["Location"].startswith("/accounts/login/")


def test_who_has_downloaded_nothing_is_told_where_to(as_mallory):
    assert "Nothing downloaded yet" in as_mallory.get(PAGE).content.decode()


def test_ada_sees_what_she_downloaded_and_by_what(as_ada, ada, file):
    key = keys.create(ada, name="laptop", scopes=[Scope.WEIGHTS], by=ada).key
    link = links.create(file, by=ada).link
    downloaded(file, ada)
    downloaded(file, ada, key=key)
    downloaded(file, ada, link=link)

    page = as_ada.get(PAGE).content.decode()

    assert page.count("model.safetensors") == 3
    assert f'href="/releases/tiny/{file.revision.commit}/"' in page
    assert f'Key laptop <code class="text-muted d-block">{key.prefix}</code>' in page
    assert f"{link.public_id}…" in page
    assert "Browser" in page
    assert page.count("Complete") == 3
    assert "3.0" in page


def test_ada_sees_how_each_download_stands(as_ada, ada, file):
    downloaded(file, ada, sent_bytes=10)
    downloaded(file, ada, sent_bytes=0, ended_at=None)
    downloaded(file, ada, sent_bytes=5, cut_reason="Your approval was revoked.")
    downloaded(file, ada, spans=[[0, 99]], asked_bytes=100, sent_bytes=100)

    page = as_ada.get(PAGE).content.decode()

    for words in ("Broken off", "Under way", "Ended by the portal", "Your approval was revoked.", "Complete"):
        assert page.count(words) == 1 + (words == "Under way")
    assert page.count("a part of 1.0") == 1


def test_bob_does_not_see_adas_downloads(as_mallory, ada, file):
    downloaded(file, ada)

    assert "model.safetensors" not in as_mallory.get(PAGE).content.decode()


def test_the_pages_hold_every_download_once_though_many_began_at_one_moment(as_ada, ada, file):
    now = timezone.now()
    made = [
        downloaded(file, ada, started_at=now - timedelta(seconds=number // 30))
        for number in range(2 * DOWNLOADS_A_PAGE + 1)
    ]

    seen, path = [], PAGE
    while path:
        page = as_ada.get(path)
        seen += page.context["downloads"]
        older = page.context["older"]
        path = f"{PAGE}?before={older}" if older else ""
        # What begins meanwhile moves nothing.
        downloaded(file, ada)

    assert len(seen) == len(made)
    assert {one.pk for one in seen} == {one.pk for one in made}
    assert "Newest" in page.content.decode()


@pytest.mark.parametrize(
    "place", ["x", "-", "20260101T000000.000000-x", "20260101T000000.000000-" + "9" * 30]
)
def test_a_place_that_is_none_is_no_error(as_ada, ada, file, place):
    downloaded(file, ada)

    assert as_ada.get(f"{PAGE}?before={place}").status_code == 200


def test_a_place_before_all_says_so(as_ada, ada, file):
    downloaded(file, ada)

    page = as_ada.get(f"{PAGE}?before=20200101T000000.000000-1").content.decode()

    assert "Nothing older" in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same_with_one_download_and_with_three(as_ada, ada, file, count):
    key = keys.create(ada, name="laptop", scopes=[Scope.WEIGHTS], by=ada).key
    for _ in range(count):
        downloaded(file, ada, key=key, link=links.create(file, by=ada).link)
    as_ada.get(PAGE)

    with CaptureQueriesContext(connection) as queries:
        as_ada.get(PAGE)

    assert len(queries) == 4


def test_no_release_takes_the_address_of_the_page(db):
    form = ReleaseForm({"slug": "downloads"})

    assert "is the address of another page" in form.errors["slug"][0]
