"""Limits: how they are set and removed, which of them apply to whom, and how they stand."""

from datetime import UTC, datetime, timedelta

import pytest
import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.common.refusals import Refusal
from portal.keys import actions, applying, limit_actions, limiting
from portal.keys.applying import SCOPE
from portal.keys.models import DailyUsage, Limit, Scope
from portal.ledger.models import Entry
from tests import cast


@pytest.fixture
def key(ada):
    return actions.create(ada, name="calls", scopes=[Scope.INFERENCE], by=ada).key


@pytest.fixture
def manager(db):
    return cast.staff("milo@example.org", "Release managers")


@pytest.fixture
def valkey(settings):
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for name in client.scan_iter(f"{SCOPE}*"):
            client.delete(name)
        yield client


def names(limits):
    return [limit.name for limit in limits]


def used(key, release, day, tokens):
    return DailyUsage.objects.create(key=key, release=release, day=day, completion_tokens_count=tokens)


def test_a_limit_is_set_once_and_changed_with_one_entry_each(manager, release):
    first = limit_actions.set_limit(release, numbers={"tokens_per_day": 5}, by=manager)
    second = limit_actions.set_limit(release, numbers={"tokens_total": 9}, by=manager)
    for_each = limit_actions.set_limit(release, numbers={"tokens_total": 3}, by=manager, for_each_person=True)

    assert (first.pk, second.tokens_per_day, second.tokens_total) == (second.pk, None, 9)
    assert for_each.pk != first.pk
    entries = Entry.objects.order_by("number")
    assert [(entry.verb, entry.data["before"]) for entry in entries] == [
        ("limit.set", None),
        ("limit.set", {"for_each_person": False, "tokens_per_day": 5}),
        ("limit.set", None),
    ]


def test_a_limit_is_removed_once(manager, ada):
    limit = limit_actions.set_limit(ada, numbers={"tokens_total": 9}, by=manager)

    removed = [limit_actions.remove_limit(limit, by=manager) for _ in range(2)]

    assert removed == [True, False]
    assert Entry.objects.filter(verb="limit.removed", subject_id=str(ada.pk)).count() == 1


def test_a_limit_needs_a_number_and_only_what_is_shared_is_for_each_person(manager, ada):
    for refused in ({"numbers": {}}, {"numbers": {"tokens_total": 9}, "for_each_person": True}):
        with pytest.raises(Refusal):
            limit_actions.set_limit(ada, by=manager, **refused)

    assert not Limit.objects.exists()


def test_every_limit_applies_that_concerns_the_request_in_one_query(ada, mallory, key, release, settings):
    programme, other = ada.applications.get().programme, cast.release("other")
    shut = cast.programme(release, slug="shut")
    cast.application(ada, shut)
    for subject in ("key", "user", "release", "programme"):
        concerned = {"key": key, "user": ada, "release": release, "programme": programme}[subject]
        Limit.objects.create(**{subject: concerned}, tokens_per_day=9)
    Limit.objects.create(release=release, for_each_person=True, tokens_per_day=9)
    for stranger in ({"user": mallory}, {"release": other}, {"programme": shut}):
        Limit.objects.create(**stranger, tokens_per_day=9)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = applying.in_force(key_id=key.pk, user_id=ada.pk, release_id=release.pk)

    assert len(queries) == 1
    assert names(found) == [
        f"key:{key.pk}",
        f"user:{ada.pk}",
        f"programme:{programme.pk}",
        f"release:{release.pk}",
        f"release:{release.pk}:user:{ada.pk}",
    ]
    assert set(names(applying.in_force_for(ada))) == set(names(found))


def test_a_members_requests_are_under_the_limits_of_the_teams_programme(ada, mallory, release):
    programme = ada.applications.get().programme
    Limit.objects.create(programme=programme, tokens_per_day=9)
    membership = cast.member(cast.team(ada.applications.get()), mallory)
    cast.accept(mallory, release)

    inside = applying.in_force(key_id=None, user_id=mallory.pk, release_id=release.pk)
    everywhere = applying.in_force_for(mallory)
    membership.status = "left"
    membership.save()
    outside = applying.in_force(key_id=None, user_id=mallory.pk, release_id=release.pk)

    assert names(inside) == [f"user:{mallory.pk}", f"programme:{programme.pk}"]
    assert names(everywhere) == names(inside)
    assert names(outside) == [f"user:{mallory.pk}"]


@pytest.mark.parametrize("status", ["accepted", "left", "removed"])
def test_what_members_use_counts_for_the_programme_also_after_they_left(ada, mallory, release, status):
    programme = ada.applications.get().programme
    key = actions.create(mallory, name="calls", scopes=[Scope.INFERENCE], by=mallory).key
    cast.member(cast.team(ada.applications.get()), mallory, status)
    used(key, release, datetime(2026, 3, 4, tzinfo=UTC).date(), 7)

    assert applying.sums_of(f"programme:{programme.pk}").total_tokens == 7


def test_without_rows_the_settings_limits_apply(ada, key, release, settings):
    settings.GATEWAY_TOKENS_PER_DAY = 0

    own, hers = applying.in_force(key_id=key.pk, user_id=ada.pk, release_id=release.pk)

    assert own.numbers() == (600, 32, None, None, None)
    assert hers.numbers() == (None, None, 4_000_000, None, None)


def test_sums_are_of_the_day_and_of_whom_the_scope_counts(ada, key, release):
    programme, other = ada.applications.get().programme, cast.release("other")
    cleo = cast.developer("cleo@example.org", release)
    hers = actions.create(cleo, name="calls", scopes=[Scope.INFERENCE], by=cleo).key
    now = datetime(2026, 3, 4, 12, tzinfo=UTC)
    used(key, release, now.date(), 1)
    used(key, release, now.date() - timedelta(days=1), 10)
    used(key, other, now.date(), 100)
    used(hers, release, now.date(), 1000)

    sums = {
        name: applying.sums_of(name, at=now)
        for name in (
            f"key:{key.pk}", f"user:{ada.pk}", f"release:{release.pk}", f"release:{release.pk}:user:{ada.pk}",
            f"programme:{programme.pk}", f"programme:{programme.pk}:user:{cleo.pk}",
        )
    }  # fmt: skip

    assert [(one.day_tokens, one.total_tokens) for one in sums.values()] == [
        (101, 111), (101, 111), (1001, 1011), (1, 11), (1001, 1011), (1000, 1000),
    ]  # fmt: skip
    assert {one.day for one in sums.values()} == {20516}


def test_what_remains_is_what_valkey_and_the_database_know(ada, key, release, valkey):
    now = datetime.now(UTC)
    Limit.objects.create(user=ada, tokens_per_day=1000, tokens_total=5000, tokens_per_minute=600)
    Limit.objects.create(key=key, requests_per_minute=60, concurrent_requests=4)
    used(key, release, now.date(), 300)
    today, soon = int(now.timestamp()) // 86400, (now.timestamp() + 30) * 1000
    state = {"day": today, "day_used": 400, "total_used": 200, "reserved": 50, "drained": soon}
    valkey.hset(f"{SCOPE}user:{ada.pk}", mapping=state)
    valkey.hset(f"{SCOPE}key:{key.pk}", mapping={"running": 3, "rate": soon})

    told = {one.kind: (one.used, one.held, one.left) for one in limiting.remaining(ada, at=now)}

    assert told == {
        "requests_per_minute": (30, 0, 30),
        "concurrent_requests": (3, 0, 1),
        "tokens_per_minute": (300, 50, 250),
        "tokens_per_day": (400, 50, 550),
        "tokens_total": (300, 50, 4650),
    }


def test_what_remains_is_told_while_valkey_is_away(ada, key, release, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    Limit.objects.create(user=ada, tokens_total=1000)
    used(key, release, datetime.now(UTC).date(), 300)

    told = {one.limit.name: one.left for one in limiting.remaining(ada) if one.kind == "tokens_total"}

    assert told == {f"user:{ada.pk}": 700}
