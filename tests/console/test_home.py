"""The console's first page: counts and links for staff, the ledger's news for auditors only."""

import pytest

from tests import cast
from tests.conftest import signed_in


def test_rosa_sees_how_many_wait(as_rosa, release, mallory):
    cast.application(mallory, cast.programme(release))

    page = as_rosa.get("/console/").content.decode()

    assert "1 application waits for a reviewer" in " ".join(page.split())
    assert 'href="/console/applications/"' in page
    assert "Tiny" in page


def test_only_auditors_see_the_ledgers_news(as_rosa, mallory):
    olga = signed_in(cast.staff("olga@example.org", "Auditors"))

    assert "Last entries in the ledger" in olga.get("/console/").content.decode()
    assert "Last entries in the ledger" not in as_rosa.get("/console/").content.decode()


@pytest.mark.parametrize("path", ["/console/", "/console/ledger/"])
def test_mallory_and_strangers_stay_outside(client, as_mallory, path):
    assert as_mallory.get(path).status_code == 403
    assert client.get(path)["Location"] == f"/accounts/login/?next={path}"


def test_an_organiser_is_not_sent_to_a_queue_that_is_shut_to_them(db):
    olga = signed_in(cast.staff("olga@example.org", "Event organisers"))

    assert "Open the queue" not in olga.get("/console/").content.decode()
