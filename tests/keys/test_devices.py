"""Sign-in of a terminal by code: its states, its races and its tokens."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove, LostRace
from portal.keys import actions, devices
from portal.keys.authentication import find_key
from portal.keys.devices import OAuthRefusal
from portal.keys.models import ApiKey, DeviceLogin, RefreshToken, Scope
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb


@pytest.fixture(autouse=True)
def no_guesses():
    cache.clear()


@pytest.fixture
def started(db):
    return devices.start(client="hf_hub/2.4.0", address="192.0.2.7")


def allow(started, ada, scopes=(Scope.WEIGHTS,)):
    devices.approve(started.login, by=ada, key_name="laptop", scopes=scopes)


def granted(started, ada):
    allow(started, ada)
    return devices.fetch(started.device_code)


def code_of(refused, *arguments):
    with pytest.raises(OAuthRefusal) as refusal:
        refused(*arguments)
    return refusal.value.code


def test_a_terminal_waits_and_then_has_a_key_of_who_allowed_it(started, ada):
    assert code_of(devices.fetch, started.device_code) == "authorization_pending"
    allow(started, ada, scopes=[Scope.INFERENCE, Scope.WEIGHTS])

    made = devices.fetch(started.device_code, address="192.0.2.7")

    key = find_key(made.access_token, scope=Scope.WEIGHTS)
    assert (key.user, key.name, key.scopes) == (ada, "laptop", ["inference", "weights"])
    assert timedelta(days=29) < key.expires_at - timezone.now() < timedelta(days=30)
    verbs = list(Entry.objects.order_by("number").values_list("verb", flat=True))
    assert verbs[-2:] == [Verb.DEVICE_LOGIN_APPROVED, Verb.KEY_CREATED]
    assert made.access_token not in repr(made) + str(DeviceLogin.objects.values())


def test_a_terminal_that_asks_too_often_is_slowed_down(started):
    assert code_of(devices.fetch, started.device_code) == "authorization_pending"
    assert code_of(devices.fetch, started.device_code) == "slow_down"
    assert DeviceLogin.objects.get().interval_seconds == devices.POLL_SECONDS + devices.SLOWER_SECONDS


def test_a_terminal_gone_wild_is_slowed_down_no_further_than_its_code_lives(started):
    DeviceLogin.objects.update(interval_seconds=devices.CODE_SECONDS, polled_at=timezone.now())

    assert code_of(devices.fetch, started.device_code) == "slow_down"
    assert DeviceLogin.objects.get().interval_seconds == devices.CODE_SECONDS


def test_a_denied_an_expired_and_an_unknown_code_give_nothing(started, ada):
    other = devices.start(client="", address=None)
    devices.deny(started.login, by=ada)
    DeviceLogin.objects.filter(pk=other.login.pk).update(expires_at=timezone.now())

    assert code_of(devices.fetch, started.device_code) == "access_denied"
    assert code_of(devices.fetch, other.device_code) == "expired_token"
    assert code_of(devices.fetch, "x" * 43) == "invalid_grant"
    assert Entry.objects.order_by("-number")[0].verb == Verb.DEVICE_LOGIN_DENIED
    assert not ApiKey.objects.exists()


def test_a_code_that_expired_while_ada_read_the_page_is_not_allowed(started, ada):
    started.login.expires_at = timezone.now()

    with pytest.raises(Refusal, match="has expired"):
        allow(started, ada)
    assert DeviceLogin.objects.get().status == "pending"


def test_a_code_is_answered_once(started, ada, mallory):
    again = DeviceLogin.objects.get()
    allow(started, ada)

    with pytest.raises(LostRace):
        devices.approve(again, by=mallory, key_name="mine", scopes=[Scope.WEIGHTS])
    with pytest.raises(IllegalMove):
        devices.deny(started.login, by=ada)
    assert DeviceLogin.objects.get().user == ada


@pytest.mark.django_db(transaction=True)
def test_of_two_who_allow_at_the_same_time_one_does(started, ada, mallory):
    def approve(person):
        try:
            login = devices.find(started.login.user_code, by=person)
            devices.approve(login, by=person, key_name="mine", scopes=[Scope.WEIGHTS])
        except Refusal:
            return None
        else:
            return person
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        allowed = [one for one in pool.map(approve, [ada, mallory, ada, mallory]) if one]

    assert allowed == [DeviceLogin.objects.get().user]
    assert Entry.objects.filter(verb=Verb.DEVICE_LOGIN_APPROVED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_key_is_fetched_once_however_many_ask_at_the_same_time(started, ada):
    allow(started, ada)

    def fetch(_):
        try:
            return devices.fetch(started.device_code)
        except Refusal:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        made = [one for one in pool.map(fetch, range(4)) if one]

    assert len(made) == ApiKey.objects.count() == 1


def test_who_was_deactivated_in_between_gets_no_key(started, ada):
    allow(started, ada)
    type(ada).objects.filter(pk=ada.pk).update(is_active=False)

    assert code_of(devices.fetch, started.device_code) == "access_denied"
    assert not ApiKey.objects.exists()


def test_who_was_deactivated_since_gets_no_new_key_for_the_old(started, ada):
    made = granted(started, ada)
    type(ada).objects.filter(pk=ada.pk).update(is_active=False)

    assert code_of(devices.refresh, made.refresh_token) == "invalid_grant"
    assert ApiKey.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_refresh_token_that_comes_twice_at_once_leaves_no_key_behind(started, ada):
    made = granted(started, ada)

    def renew(_):
        try:
            return devices.refresh(made.refresh_token)
        except Refusal:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        renewed = [one for one in pool.map(renew, range(2)) if one]

    assert len(renewed) == 1
    assert not ApiKey.objects.live().exists()


def test_a_key_is_renewed_and_the_old_one_goes_on_for_a_day(started, ada):
    first = granted(started, ada)

    second = devices.refresh(first.refresh_token)

    old = ApiKey.objects.get(pk=first.key.pk)
    assert old.replaced_by == second.key
    assert timedelta(hours=23) < old.expires_at - timezone.now() < timedelta(days=1)
    assert find_key(second.access_token, scope=Scope.WEIGHTS).name == "laptop"
    assert Entry.objects.order_by("-number")[0].verb == Verb.KEY_ROTATED


def test_a_refresh_token_that_comes_again_ends_what_came_of_it(started, ada):
    first = granted(started, ada)
    second = devices.refresh(first.refresh_token)
    third = devices.refresh(second.refresh_token)
    other = actions.create(ada, name="desk", scopes=[Scope.WEIGHTS], by=ada).key

    assert code_of(devices.refresh, second.refresh_token) == "invalid_grant"
    assert list(ApiKey.objects.live()) == [other]
    assert code_of(devices.refresh, third.refresh_token) == "invalid_grant"


def test_a_revoked_key_is_not_renewed(started, ada):
    made = granted(started, ada)
    actions.revoke(made.key, by=ada)

    assert code_of(devices.refresh, made.refresh_token) == "invalid_grant"
    assert ApiKey.objects.count() == RefreshToken.objects.count() == 1


def test_one_address_begins_only_so_many(db):
    for _ in range(devices.STARTS_MAX):
        devices.start(client="", address="192.0.2.7")

    with pytest.raises(OAuthRefusal) as refusal:
        devices.start(client="", address="192.0.2.7")
    assert refusal.value.status == 429
    assert devices.start(client="", address="192.0.2.8")


def test_the_addresses_of_one_ipv6_network_count_as_one(db):
    for number in range(devices.STARTS_MAX):
        devices.start(client="", address=f"2001:db8::{number:x}")

    with pytest.raises(OAuthRefusal, match="Too many sign-ins"):
        devices.start(client="", address="2001:db8::ffff:1")
    assert devices.start(client="", address="2001:db8:0:1::1")


def test_ten_wrong_codes_make_one_person_wait(started, ada, mallory):
    for _ in range(devices.GUESSES_MAX):
        with pytest.raises(Refusal, match="no such code"):
            devices.find("BBBB-BBBB", by=mallory)

    with pytest.raises(Refusal, match="Too many wrong codes"):
        devices.find(started.login.user_code, by=mallory)
    assert devices.find(f" {started.login.shown_code.lower()} ", by=ada) == started.login


def test_what_is_long_over_is_swept(started):
    DeviceLogin.objects.update(expires_at=timezone.now() - timedelta(days=8))
    fresh = devices.start(client="", address=None)

    assert devices.sweep() == 1
    assert DeviceLogin.objects.get() == fresh.login
