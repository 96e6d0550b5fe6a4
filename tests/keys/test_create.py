"""Making keys: who may, how many, and what is written down."""

import pytest

from portal.common.refusals import Refusal
from portal.keys import actions, tokens
from portal.keys.models import DEVELOPER_SCOPES, ApiKey, Scope
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests import cast


def test_a_new_key_is_stored_as_a_digest_only(ada):
    created = actions.create(ada, name="laptop", scopes=["weights", "inference"], by=ada, address="192.0.2.7")

    stored = ApiKey.objects.values().get()
    entry = Entry.objects.get(verb=Verb.KEY_CREATED)
    assert stored["digest"] == tokens.digest(created.token)
    assert stored["scopes"] == ["inference", "weights"]
    assert created.token not in repr([stored, created, entry.data, entry.subject_label])
    assert (entry.actor_id, entry.address, entry.data["public_id"]) == (
        ada.pk,
        "192.0.2.7",
        stored["public_id"],
    )


def test_an_unverified_person_gets_no_key(db):
    eve = cast.person("eve@example.org", verified=False)

    with pytest.raises(Refusal) as refused:
        actions.create(eve, name="laptop", scopes=DEVELOPER_SCOPES, by=eve)

    assert (refused.value.code, refused.value.remedy) == ("email_verified", "/accounts/email/")
    assert not ApiKey.objects.exists()


def test_a_deactivated_person_gets_no_key(ada):
    ada.is_active = False
    ada.save()

    with pytest.raises(Refusal, match="deactivated"):
        actions.create(ada, name="laptop", scopes=DEVELOPER_SCOPES, by=ada)


def test_one_key_too_many_is_refused_until_one_is_revoked(ada, settings):
    settings.LIVE_KEYS_PER_USER = 2
    first = actions.create(ada, name="first", scopes=DEVELOPER_SCOPES, by=ada)
    actions.create(ada, name="second", scopes=DEVELOPER_SCOPES, by=ada)

    with pytest.raises(Refusal) as refused:
        actions.create(ada, name="third", scopes=DEVELOPER_SCOPES, by=ada)
    actions.revoke(first.key, by=ada)
    actions.create(ada, name="third", scopes=DEVELOPER_SCOPES, by=ada)

    assert refused.value.code == "too_many_keys"
    assert ApiKey.objects.live().count() == 2


@pytest.mark.parametrize("scopes", [[], ["everything"], ["inference", "admin"]])
def test_a_key_without_a_known_scope_is_refused(ada, scopes):
    with pytest.raises(Refusal) as refused:
        actions.create(ada, name="laptop", scopes=scopes, by=ada)

    assert refused.value.code == "unknown_scope"


def test_two_keys_cannot_be_made_from_one_form(ada):
    public_id = tokens.new_public_id()
    actions.create(ada, name="laptop", scopes=DEVELOPER_SCOPES, by=ada, public_id=public_id)

    with pytest.raises(actions.AlreadyMade):
        actions.create(ada, name="laptop", scopes=DEVELOPER_SCOPES, by=ada, public_id=public_id)

    assert Entry.objects.filter(verb=Verb.KEY_CREATED).count() == 1


def test_only_a_reviewer_has_a_key_that_administers_access_requests(ada, rosa):
    with pytest.raises(Refusal) as refused:
        actions.create(ada, name="review", scopes=[Scope.REVIEW], by=ada)
    made = actions.create(rosa, name="review", scopes=[Scope.REVIEW], by=rosa)

    assert refused.value.code == "not_a_reviewer"
    assert made.key.scopes == [Scope.REVIEW]
