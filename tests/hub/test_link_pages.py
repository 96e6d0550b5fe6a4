"""Making and revoking links on the release page, with and without htmx."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.hub import links
from portal.hub.models import DownloadLink
from tests import cast
from tests.conftest import signed_in

HTMX = {"HX-Request": "true"}
DOOR = "/releases/tiny/links/"


@pytest.fixture
def file(revision):
    return revision.files.get(path="model.safetensors")


def address_in(page: str) -> str:
    found = re.search(r"https://portal\.example\.org(/hub/links/\w{12}\.\w{32}/[^<\s]+)", page)
    assert found is not None
    return found[1]


def test_ada_makes_a_link_without_a_script_and_sees_it_once(as_ada, file):
    answer = as_ada.post(DOOR, {"file": file.pk})

    page = answer.content.decode()
    link = DownloadLink.objects.get()
    secret = address_in(page).split("/")[3].partition(".")[2]
    assert (answer.status_code, answer["Referrer-Policy"]) == (200, "no-referrer")
    assert "no-store" in answer["Cache-Control"]
    assert "<!DOCTYPE html>" in page
    assert "good for 5 downloads until" in page
    assert f"--checksum=sha-256={file.sha256}" in page
    assert secret not in as_ada.get("/releases/tiny/").content.decode()
    assert link.public_id in as_ada.get("/releases/tiny/").content.decode()


def test_ada_makes_a_link_with_htmx_and_her_list_is_told(as_ada, file):
    answer = as_ada.post(DOOR, {"file": file.pk, "uses": 2}, headers=HTMX)
    mine = as_ada.get(DOOR, headers=HTMX).content.decode()

    page = answer.content.decode()
    assert page.lstrip().startswith("<tr")
    assert answer["HX-Trigger"] == "link-made"
    assert "good for 2 downloads until" in page
    assert mine.lstrip().startswith("<section")
    assert "2 of 2" in mine
    assert address_in(page) not in mine


def test_the_list_has_no_page_of_its_own(as_ada, file):
    assert as_ada.get(DOOR)["Location"] == "/releases/tiny/"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 422),
        ({"file": "x"}, 422),
        ({"file": "0"}, 422),
        ({"uses": "0"}, 422),
        ({"uses": "101"}, 422),
        ({"uses": "many"}, 422),
    ],
)
def test_a_form_that_cannot_be_is_refused(as_ada, file, sent, status):
    form = {"file": file.pk} | sent if "uses" in sent else sent

    answer = as_ada.post(DOOR, form)

    assert (answer.status_code, DownloadLink.objects.count()) == (status, 0)
    assert 'data-refusal="link_form"' in answer.content.decode()


def test_a_file_of_another_release_is_refused(as_ada, ada, file):
    cast.release("other")

    assert as_ada.post("/releases/other/links/", {"file": file.pk}).status_code == 422


def test_mallory_and_strangers_make_no_link(client, as_mallory, file):
    refused = as_mallory.post(DOOR, {"file": file.pk})
    away = client.post(DOOR, {"file": file.pk})

    assert refused.status_code == 403
    assert 'data-refusal="approved"' in refused.content.decode()
    assert away["Location"].startswith("/accounts/login/")
    assert not DownloadLink.objects.exists()


def test_ada_revokes_a_link(as_ada, ada, file):
    first, second = (links.create(file, by=ada).link for _ in range(2))

    plain = as_ada.post(f"{DOOR}{first.public_id}/revoke/")
    row = as_ada.post(f"{DOOR}{second.public_id}/revoke/", headers=HTMX).content.decode()

    assert plain["Location"] == "/releases/tiny/"
    assert row.lstrip().startswith(f'<tr id="link-row-{second.public_id}"')
    assert "Revoked" in row
    assert not DownloadLink.objects.live().exists()
    assert "None at present." in as_ada.get("/releases/tiny/").content.decode()


def test_mallory_cannot_revoke_adas_link(as_mallory, ada, file):
    link = links.create(file, by=ada).link

    assert as_mallory.post(f"{DOOR}{link.public_id}/revoke/").status_code == 404
    assert DownloadLink.objects.live().exists()


def test_bob_does_not_see_adas_link(ada, file, release):
    link = links.create(file, by=ada).link
    bob = signed_in(cast.developer("bob@example.org", release))

    assert link.public_id not in bob.get("/releases/tiny/").content.decode()
    assert link.public_id not in bob.get(DOOR, headers=HTMX).content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_with_one_link_and_with_three(as_ada, ada, file, count):
    for _ in range(count):
        links.create(file, by=ada)
    as_ada.get(DOOR, headers=HTMX)

    with CaptureQueriesContext(connection) as queries:
        as_ada.get(DOOR, headers=HTMX)

    assert len(queries) == 6
