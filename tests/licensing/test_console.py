"""The staff's pages of licences: drafting, reading over, publishing; and who is kept out."""

import pytest

from portal.licensing import actions
from portal.licensing.models import Licence, LicenceVersion
from tests import cast
from tests.conftest import signed_in

DRAFT = {
    "number": "1.0",
    "text": "Be kind.",
    "changes": "",
    "commercial_use": "allowed",
    "commercial_use_note": "",
    "redistribution": "conditions",
    "redistribution_note": "",
    "modification": "allowed",
    "modification_note": "",
    "attribution": "required",
    "attribution_note": "",
}


@pytest.fixture
def manager(db):
    return signed_in(cast.staff("remy@example.org", "Release managers"))


@pytest.fixture
def licence(db):
    return cast.licence("mild")


def test_a_manager_makes_a_licence_drafts_reads_and_publishes(manager):
    made = manager.post("/console/licences/new/", {"name": "Mild", "slug": "mild"}, follow=True)
    drafted = manager.post("/console/licences/mild/draft/", DRAFT, follow=True)
    sha256 = LicenceVersion.objects.get().sha256
    published = manager.post("/console/licences/mild/1.0/publish/", {"sha256": sha256}, follow=True)

    assert b"Draft a version" in made.content
    assert b"Once published it cannot change" in drafted.content
    assert b"In force" in published.content
    assert Licence.objects.get().current_version().sha256 == sha256


def test_a_manager_sees_how_many_accepted_each_version(manager, licence):
    for name in ("ada", "ben"):
        person = cast.person(f"{name}@example.org")
        actions.accept(licence, by=person, sha256=licence.current_version().sha256)
    cast.publish(licence, "2.0")

    versions = manager.get("/console/licences/mild/").context["versions"]

    assert [(one.number, one.accepted_count) for one in versions] == [("2.0", 0), ("1.0", 2)]


def test_a_manager_publishes_a_draft_that_changed_meanwhile_and_is_stopped(manager, licence):
    draft = actions.draft_version(licence, number="2.0", text="Be kind.")
    actions.draft_version(licence, number="2.0", text="Be evil.")

    response = manager.post("/console/licences/mild/2.0/publish/", {"sha256": draft.sha256})

    assert response.status_code == 409
    assert licence.current_version().number == "1.0"


def test_a_number_that_is_taken_is_refused_in_the_form(manager, licence):
    response = manager.post("/console/licences/mild/draft/", DRAFT)

    assert response.status_code == 422
    assert b"There is a version 1.0 already" in response.content


def test_a_published_version_has_no_draft_page(manager, licence):
    assert manager.get("/console/licences/mild/1.0/").status_code == 404
    assert manager.post("/console/licences/mild/1.0/discard/").status_code == 409


@pytest.mark.parametrize(
    "address",
    [
        "/console/licences/",
        "/console/licences/new/",
        "/console/licences/mild/",
        "/console/licences/mild/draft/",
        "/console/licences/mild/1.0/publish/",
    ],
)
def test_mallory_and_a_reviewer_are_kept_out(as_mallory, as_rosa, client, licence, address):
    assert as_mallory.get(address).status_code == 403
    assert as_rosa.get(address).status_code == 403
    assert client.get(address).status_code == 302
