"""Mails at 80 % and 100 % of a budget: to whom, once, and cheaply."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.common import mail
from portal.common.threads import let_go_after
from portal.keys import actions, alerts, usage
from portal.keys.applying import SCOPE
from portal.keys.models import ApiKey, DailyUsage, Limit, Scope, UsageAlert, UsageCursor
from tests import cast

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
TODAY = (NOW.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days


@pytest.fixture
def counters(valkey):
    """Valkey without any budget's counters."""

    def clear():
        for name in valkey.scan_iter(f"{SCOPE}*"):
            valkey.delete(name)

    clear()
    yield valkey
    clear()


@pytest.fixture
def key(ada):
    return actions.create(ada, name="ci", scopes=[Scope.INFERENCE], by=ada).key


def spend(counters, key, name, used, *, at=NOW, day=TODAY):
    """What a request with `key` leaves behind when its usage is written."""
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=at)
    counters.hset(f"{SCOPE}{name}", mapping={"day": day, "day_used": used, "total_used": used})
    cursor = {"last_id": f"{int(at.timestamp() * 1000)}-{UsageCursor.objects.count()}{used}"}
    UsageCursor.objects.update_or_create(stream=usage.STREAM, defaults=cursor)


@pytest.mark.parametrize(
    ("used", "percents"),
    [((79,), []), ((80, 85), [80]), ((80, 100), [80, 100]), ((100, 85), [100]), ((998,), [100])],
)
def test_a_share_is_told_once_and_the_end_alone_when_it_comes_first(
    counters, key, post_office, used, percents
):
    number = 1000 if used == (998,) else 100
    Limit.objects.create(key=key, tokens_per_day=number)

    with post_office() as mails:
        for amount in used:
            spend(counters, key, f"key:{key.pk}", amount)
            alerts.look(at=NOW)
            alerts.look(at=NOW)

    assert [one.to for one in mails] == [[key.user.email]] * len(percents)
    assert [100 if "used up" in one.subject else 80 for one in mails] == percents


def test_the_mail_says_what_how_much_until_when_and_what_to_do(counters, key, post_office):
    Limit.objects.create(key=key, tokens_per_day=5000)
    spend(counters, key, f"key:{key.pk}", 4100)

    with post_office() as mails:
        alerts.look(at=NOW)

    assert mails[0].subject == "Your API key “ci”: the limit of tokens a day is used to 82 %"
    for text in (mails[0].body, mails[0].alternatives[0].content):
        for told in (
            "“ci”",
            "4,100",
            "5,000",
            "900",
            "5 March 2026, 00:00 UTC",
            "429",
            "/usage/",
            "max_tokens",
        ):
            assert told in text
        assert "console" not in text


def test_a_day_begins_anew_and_a_total_does_not(counters, key, ada, post_office):
    Limit.objects.create(user=ada, tokens_per_day=100, tokens_total=100)
    tomorrow = NOW + timedelta(days=1)

    with post_office() as mails:
        spend(counters, key, f"user:{ada.pk}", 90)
        alerts.look(at=NOW)
        # Of the day before: nothing was used yet today.
        spend(counters, key, f"user:{ada.pk}", 91, at=tomorrow)
        alerts.look(at=tomorrow)
        spend(counters, key, f"user:{ada.pk}", 92, at=tomorrow + timedelta(minutes=1), day=TODAY + 1)
        alerts.look(at=tomorrow)

    assert ["a day" in one.subject for one in mails] == [True, False, True]
    assert "never" in mails[1].body


def test_a_changed_number_is_news(counters, key, post_office):
    limit = Limit.objects.create(key=key, tokens_total=100)

    with post_office() as mails:
        spend(counters, key, f"key:{key.pk}", 90)
        alerts.look(at=NOW)
        Limit.objects.filter(pk=limit.pk).update(tokens_total=1000)
        spend(counters, key, f"key:{key.pk}", 900, at=NOW + timedelta(minutes=1))
        alerts.look(at=NOW)

    assert len(mails) == 2


@pytest.mark.parametrize("kind", ["programme", "release"])
def test_a_shared_limit_is_told_to_who_may_change_it_and_a_part_to_its_person(
    counters, key, release, post_office, kind
):
    ada, milo = key.user, cast.staff("milo@example.org", "Release managers")
    subject = {"programme": ada.applications.get().programme, "release": release}[kind]
    cast.developer("cleo@example.org", cast.release("other"))
    for for_each in (False, True):
        Limit.objects.create(**{kind: subject}, tokens_per_day=100, for_each_person=for_each)
    DailyUsage.objects.create(key=key, release=release, day=NOW.date())
    spend(counters, key, f"{kind}:{subject.pk}", 100)
    spend(counters, key, f"{kind}:{subject.pk}:user:{ada.pk}", 80)

    with post_office() as mails:
        alerts.look(at=NOW)

    told = {one.to[0]: one for one in mails}
    assert set(told) == {milo.email, ada.email}
    assert "/console/limits/" in told[milo.email].body
    assert "used up" in told[milo.email].subject
    assert "Your" in told[ada.email].subject


def test_the_settings_limit_of_a_person_is_told_unless_a_row_takes_its_place(
    counters, key, ada, settings, post_office
):
    settings.GATEWAY_TOKENS_PER_DAY = 100
    spend(counters, key, f"user:{ada.pk}", 90)

    with post_office() as mails:
        alerts.look(at=NOW)
        Limit.objects.create(user=ada, requests_per_minute=5)
        spend(counters, key, f"user:{ada.pk}", 100, at=NOW + timedelta(minutes=1))
        alerts.look(at=NOW)

    assert [one.subject for one in mails] == ["Your account: the limit of tokens a day is used to 90 %"]


def test_a_closed_account_and_a_limit_of_nothing_write_no_mail(counters, key, ada, post_office):
    Limit.objects.create(key=key, tokens_per_day=0)
    Limit.objects.create(user=ada, tokens_per_day=10)
    ada.is_active = False
    ada.save()
    spend(counters, key, f"user:{ada.pk}", 10)

    with post_office() as mails:
        alerts.look(at=NOW)

    assert mails == []


def test_what_was_used_while_valkey_is_away_is_told_afterwards(counters, key, settings, post_office):
    Limit.objects.create(key=key, tokens_per_day=100)
    spend(counters, key, f"key:{key.pk}", 90)
    there = settings.REDIS_URL

    with post_office() as mails:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        assert alerts.look(at=NOW) == 0
        settings.REDIS_URL = there
        assert alerts.look(at=NOW) == 1

    assert len(mails) == 1


def test_a_look_costs_as_much_for_many_keys_as_for_few(counters, ada, release, django_assert_num_queries):
    counts = []
    for count in (1, 15):
        for number in range(count):
            made = actions.create(ada, name=f"k{number}", scopes=[Scope.INFERENCE], by=ada).key
            Limit.objects.create(key=made, tokens_per_day=100)
            spend(counters, made, f"key:{made.pk}", 90, at=NOW + timedelta(seconds=count))
        with CaptureQueriesContext(connection) as queries:
            assert alerts.look(at=NOW) == count
        counts.append(len(queries))

    # The first look of all makes its own mark.
    assert counts[1] <= counts[0]
    with django_assert_num_queries(2):
        alerts.look(at=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_one_mail(counters, key, monkeypatch):
    Limit.objects.create(key=key, tokens_per_day=100)
    spend(counters, key, f"key:{key.pk}", 100)
    written = []
    monkeypatch.setattr(mail, "enqueue", lambda **given: written.append(given["to"]))

    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(lambda _: let_go_after(alerts.look, at=NOW), range(4)))

    assert sum(told) == len(written) == 1
    assert UsageAlert.objects.count() == 2


def test_a_member_of_a_team_is_told_of_their_part_of_the_programme(counters, key, release, post_office):
    lead, programme = cast.person("lead@example.org"), cast.programme(release, slug="teams")
    cast.member(cast.team(cast.application(lead, programme, "approved")), key.user)
    Limit.objects.create(programme=programme, tokens_per_day=100, for_each_person=True)
    spend(counters, key, f"programme:{programme.pk}:user:{key.user.pk}", 100)

    with post_office() as mails:
        alerts.look(at=NOW)

    assert [one.to for one in mails] == [[key.user.email]]
