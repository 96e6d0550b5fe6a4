"""Noticing in the ledger that somebody's access may have changed."""

from django.db import transaction

from portal.access.watching import Watch
from portal.ledger import actions as ledger
from portal.ledger.verbs import Verb


def record(verb, user):
    with transaction.atomic():
        return ledger.record(verb, subject=user, by=user)


def test_the_first_look_says_no_and_later_ones_tell_what_is_new(ada):
    record(Verb.APPLICATION_REVOKED, ada)
    watch = Watch()

    assert not watch.has_changed()
    record(Verb.GENERATION_REQUESTED, ada)
    assert not watch.has_changed()
    record(Verb.APPLICATION_REVOKED, ada)
    assert watch.has_changed()
    assert not watch.has_changed()


def test_an_empty_ledgers_first_entry_is_seen(db, django_user_model):
    watch = Watch()
    assert not watch.has_changed()

    record(Verb.APPLICATION_REVOKED, django_user_model(pk=1, email="ada@example.org"))

    assert watch.has_changed()


def test_another_ledger_with_the_same_numbers_counts_as_a_change(ada):
    watch = Watch()
    watch.has_changed()
    with transaction.atomic():
        first = record(Verb.GENERATION_ENDED, ada)
        watch.has_changed()
        transaction.set_rollback(True)

    assert record(Verb.APPLICATION_REVOKED, ada).number == first.number
    assert watch.has_changed()


def test_a_shorter_ledger_counts_as_a_change_and_what_follows_in_it_is_seen(ada):
    watch = Watch()
    watch.has_changed()
    with transaction.atomic():
        record(Verb.GENERATION_ENDED, ada)
        watch.has_changed()
        transaction.set_rollback(True)

    assert watch.has_changed()
    record(Verb.APPLICATION_REVOKED, ada)
    assert watch.has_changed()
