"""Revoking keys."""

import pytest

from portal.keys import actions, revocations
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb


@pytest.mark.django_db(transaction=True)
def test_a_revocation_is_announced_after_its_commit(laptop, ada, valkey):
    listener = valkey.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(revocations.CHANNEL)
    listener.get_message(timeout=1)

    actions.revoke(laptop.key, by=ada)

    message = listener.get_message(timeout=2)
    assert message is not None
    assert message["data"].decode() == laptop.key.public_id


def test_a_revocation_without_valkey_still_holds(laptop, ada, settings, django_capture_on_commit_callbacks):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    with django_capture_on_commit_callbacks(execute=True):
        revoked = actions.revoke(laptop.key, by=ada)

    laptop.key.refresh_from_db()
    assert (revoked, laptop.key.status) == (True, "revoked")


def test_a_key_is_revoked_once(laptop, ada):
    actions.revoke(laptop.key, by=ada)

    again = actions.revoke(laptop.key, by=ada)

    assert again is False
    assert Entry.objects.filter(verb=Verb.KEY_REVOKED).count() == 1
