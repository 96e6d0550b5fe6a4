"""The staff's pages of limits: who may, setting, changing and removing one, and what is used."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.keys import actions
from portal.keys.models import DailyUsage, Limit, Scope
from portal.ledger.models import Entry
from tests import cast
from tests.conftest import signed_in

PAGE = "/console/limits/"


@pytest.fixture
def as_milo(db):
    return signed_in(cast.staff("milo@example.org", "Release managers"))


@pytest.fixture
def key(ada):
    return actions.create(ada, name="calls", scopes=[Scope.INFERENCE], by=ada).key


@pytest.mark.parametrize("path", ["", "new/user/", "1/"])
def test_only_release_managers_and_administrators_enter(client, as_mallory, as_rosa, path):
    assert client.get(PAGE + path).status_code == 302
    assert (as_mallory.get(PAGE + path).status_code, as_rosa.get(PAGE + path).status_code) == (403, 403)
    assert as_rosa.post(f"{PAGE}1/remove/").status_code == 403


def test_milo_limits_each_kind(as_milo, ada, key, release):
    programme = ada.applications.get().programme
    subjects = {
        "release": release.pk,
        "programme": programme.pk,
        "user": "ADA@example.org",
        "key": key.prefix,
    }

    answers = [
        as_milo.post(f"{PAGE}new/{kind}/", {kind: subject, "tokens_per_day": "1000"})
        for kind, subject in subjects.items()
    ]

    limits = Limit.objects.order_by("pk")
    assert [answer.url for answer in answers] == [f"{PAGE}{limit.pk}/" for limit in limits]
    assert [(one.release, one.programme, one.user, one.key) for one in limits] == [
        (release, None, None, None),
        (None, programme, None, None),
        (None, None, ada, None),
        (None, None, None, key),
    ]
    assert Entry.objects.filter(verb="limit.set").count() == 4


def test_a_form_that_says_nothing_or_nobody_is_shown_again(as_milo, ada, release):
    answers = [
        as_milo.post(f"{PAGE}new/release/", {"release": release.pk}),
        as_milo.post(f"{PAGE}new/user/", {"user": "nobody@example.org", "tokens_total": 1}),
        as_milo.post(f"{PAGE}new/key/", {"key": "owk_nothing", "tokens_total": 1}),
        as_milo.post(f"{PAGE}new/user/", {"user": ada.email, "tokens_total": -1}),
    ]

    assert [answer.status_code for answer in answers] == [422] * 4
    assert as_milo.get(f"{PAGE}new/nothing/").status_code == 404
    assert not Limit.objects.exists()


def test_milo_changes_and_removes_a_limit(as_milo, release):
    limit = Limit.objects.create(release=release, for_each_person=True, tokens_per_day=5)

    as_milo.post(f"{PAGE}{limit.pk}/", {"tokens_total": 7})
    changed = Limit.objects.get()
    answer = as_milo.post(f"{PAGE}{limit.pk}/remove/")

    assert (changed.pk, changed.tokens_per_day, changed.tokens_total) == (limit.pk, None, 7)
    assert (changed.for_each_person, answer.url, Limit.objects.count()) == (True, PAGE, 0)


def test_the_pages_say_what_is_used(as_milo, ada, key, release):
    today = datetime.now(UTC).date()
    DailyUsage.objects.create(key=key, release=release, day=today, completion_tokens_count=1234)
    together = Limit.objects.create(release=release, tokens_per_day=2000)
    each = Limit.objects.create(release=release, for_each_person=True, tokens_total=5000)

    index = as_milo.get(PAGE).content.decode()
    pages = [as_milo.get(f"{PAGE}{limit.pk}/").content.decode() for limit in (together, each)]

    assert "1,234 of 2K" in index
    assert ("1,234 of 2K" in pages[0], ada.email in pages[0]) == (True, False)
    assert ("1,234 of 5K" in pages[1], ada.email in pages[1]) == (True, True)


def test_the_list_takes_as_many_queries_for_three_as_for_one(as_milo, ada, key, release):
    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            as_milo.get(PAGE)
        return len(caught)

    Limit.objects.create(release=release, tokens_per_day=2000)
    queries()
    one = queries()
    Limit.objects.create(user=ada, tokens_per_day=2000)
    Limit.objects.create(key=key, tokens_total=2000)

    assert queries() == one
