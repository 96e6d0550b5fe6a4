"""The tests' database is as good as new behind a test that committed, whatever that test has done."""

import threading

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, transaction

from portal.accounts.models import User
from portal.keys import actions as keys
from portal.keys.models import Scope
from portal.ledger.models import Entry
from tests import cast, emptying

pytestmark = pytest.mark.django_db(transaction=True)


def content():
    """What lies in the tables, without the numbers that a flush gives anew."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with connection.cursor() as cursor:
        counts = {}
        for name in names:
            cursor.execute(f'SELECT count(*) FROM "{name}"')
            counts[name] = cursor.fetchone()[0]
    return {
        "counts": counts,
        "types": set(ContentType.objects.values_list("app_label", "model")),
        "permissions": set(Permission.objects.values_list("content_type__model", "codename", "name")),
        "roles": set(Group.objects.values_list("name", "permissions__codename")),
    }


def test_a_developer_with_all_that_is_kept_for_good_leaves_what_a_flush_leaves():
    ada = cast.developer("ada@example.org", cast.release())
    keys.create(ada, name="laptop", scopes=[Scope.WEIGHTS], by=ada)
    assert Entry.objects.exists()

    emptying.empty()
    found = content()
    call_command("flush", verbosity=0, interactive=False, reset_sequences=False)

    assert found == content()
    # The next test finds the numbers of before in its caches.
    emptying.empty()


def test_roles_that_a_test_has_changed_are_what_they_were():
    before = sorted(Group.objects.values_list("pk", "name", "permissions"))
    Group.objects.get(name="Reviewers").permissions.clear()
    Group.objects.filter(name="Event staff").update(name="Others")
    Group.objects.create(name="More")
    Permission.objects.all()[0].delete()

    emptying.empty()

    assert sorted(Group.objects.values_list("pk", "name", "permissions")) == before


def test_numbers_go_on():
    last = cast.person("ada@example.org").pk

    emptying.empty()

    assert cast.person("ada@example.org").pk == last + 1


def test_what_another_process_is_about_to_commit_is_emptied_as_well():
    has_written, may_commit = threading.Event(), threading.Event()

    def write():
        with transaction.atomic():
            cast.person("late@example.org")
            has_written.set()
            assert may_commit.wait(10)
        connection.close()

    writing = threading.Thread(target=write)
    writing.start()
    assert has_written.wait(10)
    threading.Timer(0.2, may_commit.set).start()

    emptying.empty()
    writing.join()

    assert not User.objects.exists()
