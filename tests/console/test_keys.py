"""The console's pages of keys: an owner and traces, the way to end a key, and never the key."""

import pytest

from portal.keys import actions, leaks, networks
from portal.keys.leaks import Sighting
from portal.keys.models import DEVELOPER_SCOPES, ApiKey
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests import cast
from tests.conftest import signed_in


@pytest.fixture
def laptop(ada):
    """Ada's key."""
    return actions.create(ada, name="laptop", scopes=DEVELOPER_SCOPES, by=ada, address="192.0.2.7")


@pytest.fixture
def as_manager(db):
    """A browser of a release manager's."""
    return signed_in(cast.staff("max@example.org", "Release managers"))


@pytest.fixture
def as_auditor(db):
    """A browser of an auditor's."""
    return signed_in(cast.staff("ines@example.org", "Auditors"))


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [
        ("", True),
        ("text=ada@", True),
        ("text=lapt", True),
        ("text=nobody", False),
        ("text=_nothing", False),
        ("state=live", True),
        ("state=unused", False),
        ("state=expired", False),
        ("state=revoked", False),
        ("state=leaked", False),
    ],
)
def test_staff_find_a_key(as_auditor, laptop, asked, is_found):
    page = as_auditor.get(f"/console/keys/?{asked}").content.decode()

    assert (laptop.key.prefix in page) == is_found


def test_staff_find_a_key_by_its_beginning(as_auditor, laptop):
    for text in (laptop.key.prefix, f"owk_{laptop.key.public_id[:6]}", laptop.token):
        page = as_auditor.get("/console/keys/", {"text": text[:100]})
        assert len(page.context["rows"]) == 1


def test_a_key_shows_its_traces_and_never_itself(as_auditor, laptop):
    networks.note([networks.Use(laptop.key.pk, laptop.key.created_at, "198.51.100.9")])
    leaks.report(Sighting(laptop.token, url="https://paste.example.org/1"), reporter="a friend")

    page = as_auditor.get(f"/console/keys/{laptop.key.public_id}/").content.decode()

    for text in ("198.51.100.0/24", "ada@example.org", "https://paste.example.org/1", "API key revoked"):
        assert text in page
    assert laptop.token not in page
    assert laptop.key.digest not in page
    listed = as_auditor.get("/console/keys/leaks/").content.decode()
    assert "a friend" in listed
    assert laptop.key.public_id in as_auditor.get("/console/keys/?state=leaked").content.decode()


def test_a_release_manager_revokes_with_a_reason_that_the_owner_reads(as_manager, laptop, ada, post_office):
    page = f"/console/keys/{laptop.key.public_id}/"
    assert as_manager.post(page, {"reason": " "}).status_code == 422
    with post_office() as mails:
        as_manager.post(page, {"reason": "It mines coins."})

    laptop.key.refresh_from_db()
    assert laptop.key.status == "revoked"
    assert mails[-1].to == [ada.email]
    assert "It mines coins." in mails[-1].body
    assert Entry.objects.get(verb=Verb.KEY_REVOKED).data["reason"] == "It mines coins."


def test_an_auditor_sees_and_cannot_revoke(as_auditor, laptop):
    page = f"/console/keys/{laptop.key.public_id}/"

    assert "Revoke the key" not in as_auditor.get(page).content.decode()
    as_auditor.post(page, {"reason": "because"})

    laptop.key.refresh_from_db()
    assert laptop.key.is_live


def test_others_are_kept_out(as_rosa, as_ada, client, laptop):
    for path in ("/console/keys/", "/console/keys/leaks/", f"/console/keys/{laptop.key.public_id}/"):
        assert as_rosa.get(path).status_code == 403
        assert as_ada.get(path).status_code == 403
        assert client.get(path).status_code == 302


def test_the_list_is_paged_with_constant_queries(as_auditor, ada, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr("portal.console.keys.PAGE_SIZE", 3)
    for number in range(4):
        actions.create(ada, name=f"key {number}", scopes=["inference"], by=ada)
    with django_assert_max_num_queries(7):
        first = as_auditor.get("/console/keys/")
    rest = as_auditor.get("/console/keys/", {"after": first.context["following"]})

    assert [key.name for key in first.context["rows"]] == ["key 3", "key 2", "key 1"]
    assert [key.name for key in rest.context["rows"]] == ["key 0"]
    assert as_auditor.get("/console/keys/?after=x").status_code == 400
    assert ApiKey.objects.count() == 4
