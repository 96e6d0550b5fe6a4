"""Where a revision is served while it is compared: set by release managers, kept in the ledger."""

import pytest
from django.utils import timezone

from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases.models import Revision
from portal.releases.serving import serve_revision
from tests import cast
from tests.conftest import signed_in

URL = "http://127.0.0.1:8001"


@pytest.fixture
def revision(release) -> Revision:
    return Revision.objects.create(release=release, name="next", commit="a" * 40, total_bytes=1)


@pytest.fixture
def as_milo(db):
    return signed_in(cast.staff("milo@example.org", "Release managers"))


def page(revision):
    return f"/console/releases/{revision.release.slug}/revisions/{revision.commit}/serve/"


@pytest.mark.parametrize("method", ["get", "post"])
def test_only_release_managers_come_in(client, as_mallory, as_rosa, revision, method):
    statuses = [getattr(one, method)(page(revision)).status_code for one in (client, as_mallory, as_rosa)]

    assert statuses == [302, 403, 403]
    assert Revision.objects.served().count() == 0


def test_milo_says_where_it_is_served_and_takes_it_out(as_milo, revision):
    set_there = as_milo.post(page(revision), {"backend_url": URL, "served_model_name": "tiny-next"})

    assert set_there["Location"] == "/console/releases/tiny/"
    assert Revision.objects.served().get().served_model_name == "tiny-next"
    assert "Served for comparisons" in as_milo.get(set_there["Location"]).text
    assert f'value="{URL}"' in as_milo.get(page(revision)).text
    as_milo.post(page(revision), {"backend_url": "", "served_model_name": "tiny-next"})
    revision.refresh_from_db()
    assert (revision.backend_url, revision.served_model_name) == ("", "")
    told = [entry.data["backend_url"] for entry in Entry.objects.filter(verb=Verb.REVISION_SERVED)]
    assert sorted(told) == ["", URL]


@pytest.mark.parametrize("url", ["no address", "ftp://127.0.0.1/", "javascript:alert(1)"])
def test_what_is_no_address_is_refused(as_milo, revision, url):
    assert as_milo.post(page(revision), {"backend_url": url}).status_code == 422
    with pytest.raises(Refusal):
        serve_revision(revision, backend_url="no address", by=None)
    assert Revision.objects.served().count() == 0


def test_a_yanked_revision_is_not_served(as_milo, revision):
    serve_revision(revision, backend_url=URL, by=None)
    Revision.objects.update(yanked_at=timezone.now(), yank_reason="Broken.")

    with pytest.raises(Refusal) as refused:
        serve_revision(revision, backend_url=URL, by=None)

    assert refused.value.code == "revision_yanked"
    assert Revision.objects.served().count() == 0
    assert as_milo.post(page(revision), {"backend_url": ""}).status_code == 302
