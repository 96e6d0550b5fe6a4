"""Drafting and publishing a version: published text is fixed, in Python and in the database."""

import hashlib

import pytest
from django.db import DatabaseError, connection, transaction

from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.licensing import actions
from portal.licensing.conditions import terms_sha256
from portal.licensing.models import LicenceVersion


@pytest.fixture
def licence(db):
    return actions.create_licence(slug="mild", name="Mild Licence", by=None)


@pytest.fixture
def draft(licence):
    return actions.draft_version(licence, number="1.0", text="Be kind.")


def test_rosa_publishes_a_version_and_it_is_in_force(licence, draft, rosa):
    actions.publish_version(draft, by=rosa, sha256=draft.sha256)

    current = licence.current_version()
    assert current == draft
    assert current.sha256 == hashlib.sha256(b"Be kind.\n").hexdigest()
    entry = Entry.objects.get(verb=Verb.LICENCE_VERSION_PUBLISHED)
    assert entry.actor_label == "rosa@example.org"
    assert entry.data == {
        "licence": "mild",
        "number": "1.0",
        "sha256": current.sha256,
        "terms_sha256": terms_sha256(current),
        "published_at": entry.data["published_at"],
        "asked_again": "everybody",
        "unless_accepted_since": None,
        "grace_ends_at": None,
        "told": 0,
    }


def test_a_form_and_a_file_give_one_hash(licence):
    from_form = actions.draft_version(licence, number="1.0", text="One.\r\n\r\nTwo.  \r\n")
    from_file = actions.draft_version(licence, number="1.1", text="One.\n\nTwo.  \n")

    assert from_form.text == "One.\n\nTwo.\n"
    assert from_form.sha256 == from_file.sha256


def test_a_draft_is_not_in_force(licence, draft):
    assert licence.current_version() is None


def test_a_draft_can_be_rewritten_and_thrown_away(licence, draft):
    again = actions.draft_version(licence, number="1.0", text="Be kinder.")

    assert again.pk == draft.pk
    assert again.sha256 != draft.sha256
    actions.discard_draft(again)
    assert not licence.versions.exists()


def test_a_published_version_cannot_be_redrafted_published_again_or_discarded(licence, draft):
    actions.publish_version(draft, by=None)

    for attempt in (
        lambda: actions.draft_version(licence, number="1.0", text="Be evil."),
        lambda: actions.publish_version(draft, by=None),
        lambda: actions.discard_draft(draft),
    ):
        with pytest.raises(actions.NotADraft, match="cannot change"):
            attempt()
    assert licence.current_version().text == "Be kind.\n"


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Be evil."},
        {"sha256": "0" * 64},
        {"published_at": None},
        {"published_at": None, "scheduled_at": None, "grace_ends_at": None},
        {"monthly_users_max": 1},
        {"use_limits": ["Everything."]},
        {"spdx": "MIT"},
        {"derivative_prefix": "Ours-"},
        {"reacceptance": "nobody"},
        {"grace_days": 3},
        {"grace_ends_at": "2099-01-01T00:00Z"},
    ],
)
def test_the_database_refuses_to_change_a_published_version(draft, change):
    actions.publish_version(draft, by=None)

    with pytest.raises(DatabaseError, match="cannot change"), transaction.atomic():
        LicenceVersion.objects.filter(pk=draft.pk).update(**change)


def test_the_database_refuses_to_delete_a_published_version(draft):
    actions.publish_version(draft, by=None)

    with (
        pytest.raises(DatabaseError, match="cannot change"),
        transaction.atomic(),
        connection.cursor() as sql,
    ):
        sql.execute("DELETE FROM licensing_licenceversion")


def test_the_database_refuses_to_publish_under_a_false_hash(draft):
    with pytest.raises(DatabaseError, match="published_text_matches"), transaction.atomic():
        LicenceVersion.objects.filter(pk=draft.pk).update(published_at="2026-01-01T00:00Z", sha256="0" * 64)


def test_publishing_is_refused_when_the_draft_changed_since_it_was_read(licence, draft):
    read = draft.sha256
    actions.draft_version(licence, number="1.0", text="Be evil.")

    with pytest.raises(Refusal, match="Somebody changed this draft"):
        actions.publish_version(draft, by=None, sha256=read)


def test_publishing_the_text_in_force_again_is_refused(licence, draft):
    actions.publish_version(draft, by=None)
    same = actions.draft_version(licence, number="1.1", text="Be kind.")

    with pytest.raises(Refusal, match="the very text"):
        actions.publish_version(same, by=None)


def test_an_unknown_part_of_the_summary_fails_loudly(licence):
    with pytest.raises(TypeError, match="warranty"):
        actions.draft_version(licence, number="1.0", text="Be kind.", warranty="none")


def test_the_same_text_under_other_conditions_is_another_version(licence, draft):
    actions.publish_version(draft, by=None)
    other = actions.draft_version(licence, number="1.1", text="Be kind.", monthly_users_max=1_000)

    assert actions.publish_version(other, by=None) == licence.current_version()


def test_publishing_is_refused_when_the_conditions_changed_since_they_were_read(licence, draft):
    read = terms_sha256(draft)
    actions.draft_version(licence, number="1.0", text="Be kind.", grace_days=3)

    with pytest.raises(Refusal, match="Somebody changed this draft"):
        actions.publish_version(draft, by=None, terms=read)


@pytest.mark.parametrize("slug", ["new", "receipts", "mild"])
def test_a_licence_cannot_take_the_address_of_another_page(licence, slug):
    with pytest.raises(Refusal, match="already"):
        actions.create_licence(slug=slug, name="Taken", by=None)
